import { Writable } from 'node:stream';
import { pino, type Logger } from 'pino';
import type { Logger as TemporalLogger, LogLevel, LogMetadata } from '@temporalio/worker';

/** Shapes of secrets that must not reach a log, wherever they stand in a line. */
const SECRETS: readonly [RegExp, string][] = [
  [/xox[a-z]-[\w-]+/g, 'xox…[redacted]'],
  [/(postgres(?:ql)?:\/\/[^:@/\s"]*:)[^@\s"]+@/g, '$1[redacted]@'],
  [/(AKIA|ASIA)[A-Z0-9]{16}/g, '[redacted access key]'],
  // A member of JSON, and of JSON inside a string, whose quotes are escaped.
  [
    /(\\*"(?:token|password|secret|authorization|secretAccessKey|sessionToken)\\*"\s*:\s*\\*")[^"\\]*/gi,
    '$1[redacted]',
  ],
  [/\b((?:password|x-amz-security-token|authorization)\s*[=:]\s*(?:Bearer\s+)?)[^\s"&,;\\]+/gi, '$1[redacted]'],
];

/** Replaces what looks like a secret. */
export function redact(line: string): string {
  return SECRETS.reduce((text, [pattern, by]) => text.replace(pattern, by), line);
}

/** JSON lines on the given stream (stderr by default), redacted as a whole: a secret inside a message is caught too. */
export function createLogger(level: string, out: NodeJS.WritableStream = process.stderr): Logger {
  // Where the log's disk is full, nobody reads what can't be written, and the runs go on.
  out.on('error', () => undefined);
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      out.write(redact(chunk.toString('utf8')));
      done();
    },
  });
  const { err } = pino.stdSerializers;
  return pino(
    {
      level,
      base: { service: 'perennial-worker' },
      timestamp: pino.stdTimeFunctions.isoTime,
      // The SDK calls it error; without a serializer an error is an empty object.
      serializers: { err, error: err },
    },
    stream,
  );
}

/** The SDK's and the workflows' log lines, through the same logger. */
export function temporalLogger(logger: Logger): TemporalLogger {
  const levels: Record<LogLevel, 'trace' | 'debug' | 'info' | 'warn' | 'error'> = {
    TRACE: 'trace',
    DEBUG: 'debug',
    INFO: 'info',
    WARN: 'warn',
    ERROR: 'error',
  };
  const log = (level: LogLevel, message: string, meta?: LogMetadata) => logger[levels[level]](meta ?? {}, message);
  return {
    log,
    trace: (message, meta) => log('TRACE', message, meta),
    debug: (message, meta) => log('DEBUG', message, meta),
    info: (message, meta) => log('INFO', message, meta),
    warn: (message, meta) => log('WARN', message, meta),
    error: (message, meta) => log('ERROR', message, meta),
  };
}
