// The supervisor as a process of its own: `main <options as JSON>`, started by startDetached.
import type { DetachedMessage } from './control.js';
import type { StartOptions } from './options.js';
import { startLocal } from './supervisor.js';

const options = JSON.parse(process.argv[2] ?? '{}') as StartOptions;

/** Progress goes to the one that waits, as long as it does, and to the log, which is where stdout leads. */
function tell(message: DetachedMessage): void {
  if (process.connected) process.send?.(message);
}
// The log's disk may be full: nobody reads what can't be written, and the services go on.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
function log(line: string): void {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`);
}
function say(line: string): void {
  log(line);
  tell({ type: 'progress', line });
}

const aborting = new AbortController();
const stopRequested = new Promise<void>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      aborting.abort(new Error('The start was interrupted.'));
      resolve();
    });
  }
});

try {
  const stack = await startLocal({ ...options, onProgress: say, signal: aborting.signal });
  tell({ type: 'ready', env: stack.env, urls: stack.urls });
  // Without the signal handlers above nothing else would keep a stack with no services alive.
  const alive = setInterval(() => undefined, 60_000);
  await stopRequested;
  clearInterval(alive);
  await stack.stop();
  say('Stopped.');
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  log(message);
  tell({ type: 'failed', message });
  process.exitCode = 1;
}
if (process.connected) process.disconnect();
