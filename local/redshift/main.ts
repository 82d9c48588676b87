// The local Redshift as a process: see config.ts for its environment.
import { pino } from 'pino';
import { configFromEnv } from './config.js';
import { startRedshift } from './server.js';

const log = pino({ name: 'redshift', level: process.env['LOG_LEVEL'] ?? 'info' });

try {
  const redshift = await startRedshift(configFromEnv(process.env), { log });
  let closing = false;
  const close = (signal: NodeJS.Signals): void => {
    if (closing) return;
    closing = true;
    log.info({ signal }, 'stopping');
    redshift.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', close);
  process.on('SIGINT', close);
} catch (error) {
  log.fatal({ err: error }, 'the local Redshift did not start');
  process.exitCode = 1;
}
