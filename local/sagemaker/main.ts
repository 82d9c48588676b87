import { configFromEnv } from './config.js';
import { createLog } from './log.js';
import { startSageMaker } from './server.js';

const log = createLog(process.env['LOG_LEVEL'] ?? 'info');

try {
  const sagemaker = await startSageMaker(configFromEnv(process.env), { log });
  let closing = false;
  const close = (signal: NodeJS.Signals): void => {
    if (closing) return;
    closing = true;
    log.info({ signal }, 'stopping');
    sagemaker.close().then(
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
  log.fatal({ err: error }, 'the local SageMaker did not start');
  process.exitCode = 1;
}
