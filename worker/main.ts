import './heap.js';
import { constants } from 'node:os';
import { ConfigError, readConfig } from './config.js';
import { serveHealth } from './health.js';
import { createLogger } from './logging.js';
import { StartError, installRuntime, startWorker, type RunningWorker } from './worker.js';

/** The worker process: until SIGTERM or SIGINT, then it finishes what runs. Exit code 1 says that it could not start or failed. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger(config.logLevel);
  let running: RunningWorker | undefined = undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      // Nothing runs yet. Not left to the system: it spares the first process of a container, which would then be waited for and killed.
      if (!running) process.exit(128 + constants.signals[signal]);
      log.info({ signal }, 'worker stops: running activities get time to finish');
      running.stop().catch((error: unknown) => log.error({ err: error }, 'worker did not stop cleanly'));
    });
  }
  installRuntime(config, log);
  running = await startWorker(config, log);
  const { stop, stopped, worker } = running;
  const health = config.healthAddress
    ? await serveHealth(config.healthAddress, worker).catch(async (error: unknown) => {
        // A worker that nobody can look at, and that said it failed, must not go on polling.
        await stop();
        throw error;
      })
    : undefined;
  log.info({ taskQueue: config.taskQueue, region: config.region }, 'worker started');
  try {
    await stopped;
  } finally {
    health?.close();
  }
  log.info('worker stopped');
}

main().catch((error: unknown) => {
  const message = error instanceof ConfigError || error instanceof StartError ? error.message : error;
  createLogger('error').fatal({ err: message }, 'worker failed');
  if (typeof message === 'string') process.stderr.write(`${message}\n`);
  // An activity that outlived the grace time would keep the process alive; the server gives it to another worker.
  process.exit(1);
});
