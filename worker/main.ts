import { readConfig } from './config.js';
import { serveHealth } from './health.js';
import { createLogger } from './logging.js';
import { installRuntime, startWorker } from './worker.js';

/** The worker process: until SIGTERM or SIGINT, then it finishes what runs. Exit code 1 says that it could not start or failed. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger(config.logLevel);
  installRuntime(config, log);
  const running = await startWorker(config, log);
  const health = config.healthAddress ? await serveHealth(config.healthAddress, running.worker) : undefined;
  log.info({ taskQueue: config.taskQueue, region: config.region }, 'worker started');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'worker stops: running activities get time to finish');
      running.stop().catch((error: unknown) => log.error({ err: error }, 'worker did not stop cleanly'));
    });
  }
  try {
    await running.stopped;
  } finally {
    health?.close();
  }
  log.info('worker stopped');
}

main().catch((error: unknown) => {
  const message = error instanceof Error && error.name === 'ConfigError' ? error.message : error;
  createLogger('error').fatal({ err: message }, 'worker failed');
  if (typeof message === 'string') process.stderr.write(`${message}\n`);
  process.exitCode = 1;
});
