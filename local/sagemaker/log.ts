import { pino, type Logger } from 'pino';

/**
 * JSON lines on stdout, which leads to a file. Where its disk is full, nobody reads what can't be written, and the server goes on: pino's
 * own way to stdout would end it, and then hang in the attempt to write what is left.
 */
export function createLog(level: string): Logger {
  process.stdout.on('error', () => undefined);
  return pino({ name: 'sagemaker', level }, { write: (line) => void process.stdout.write(line) });
}
