import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../../engine/engine.js';
import { EngineError } from '../../../engine/errors.js';
import { emptyNetwork } from './networks.js';

/** Looks at what is left so many times, so long apart: the watch over an earlier life may be removing it just then. */
const LOOKS = 50;
const BETWEEN_LOOKS_MS = 200;

/**
 * Removes containers and networks with the label; answers with how many there were. A network is only removed when no
 * container is in it any more, so containers go first, and a server's own is taken out of it. Throws EngineError if something can't be removed.
 */
export async function sweep(engine: Engine, label: string): Promise<number> {
  const ids = async (...list: string[]): Promise<string[]> =>
    (await engine.run([...list, '--quiet', '--filter', `label=${label}`])).split(/\s+/).filter((id) => id !== '');
  let found = 0;
  let fault: EngineError | undefined;
  const told = (error: unknown): void => {
    if (!(error instanceof EngineError)) throw error;
    fault = error;
  };
  const remove = (...args: string[]): Promise<unknown> => engine.run(args).catch(told);
  for (let look = 0; look < LOOKS; look += 1) {
    if (look > 0) await sleep(BETWEEN_LOOKS_MS);
    const containers = await ids('ps', '--all');
    if (containers.length > 0) await remove('rm', '--force', '--volumes', ...containers);
    const networks = await ids('network', 'ls');
    for (const network of networks) await emptyNetwork(engine, network).catch(told);
    if (networks.length > 0) await remove('network', 'rm', ...networks);
    found = Math.max(found, containers.length + networks.length);
    if (containers.length + networks.length === 0) return found;
  }
  throw (
    fault ??
    new Error(`${engine.name} still has containers or networks with the label ${label} that it said it removed`)
  );
}

/**
 * Outlives the server: when the server's end of the pipe closes without a word, it died, and its containers go.
 * Twice, since one may have been on its way. Where the server is a container, it ends with that: the next start sweeps.
 */
const WATCH = `
if read -r word; then exit 0; fi
for pause in 0 3; do
  sleep "$pause"
  ids=$("$1" ps --all --quiet --filter "label=$2") && [ -n "$ids" ] && "$1" rm --force --volumes $ids
  ids=$("$1" network ls --quiet --filter "label=$2") && [ -n "$ids" ] && "$1" network rm $ids
done
`;

/** Has the containers with the label removed when this process dies, however it does. The answer ends the watch. */
export function watchOver(engine: Engine, label: string): () => void {
  const watch = spawn('sh', ['-c', WATCH, 'sh', engine.name, label], {
    cwd: '/',
    env: engine.env,
    // A group of its own: what ends ours leaves it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watch.unref();
  // It is gone only if somebody killed it; the next start clears away then.
  watch.stdin.on('error', () => undefined);
  return () => void watch.stdin.end('closed\n');
}
