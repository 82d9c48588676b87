import { spawn } from 'node:child_process';
import type { Engine } from '../../../engine/engine.js';

/**
 * Removes containers and networks with the label; answers with how many. A network is only removed when no
 * container is in it any more, so containers go first.
 */
export async function sweep(engine: Engine, label: string): Promise<number> {
  const ids = async (...list: string[]): Promise<string[]> =>
    (await engine.run([...list, '--quiet', '--filter', `label=${label}`])).split(/\s+/).filter((id) => id !== '');
  const containers = await ids('ps', '--all');
  if (containers.length > 0) await engine.run(['rm', '--force', '--volumes', ...containers]);
  const networks = await ids('network', 'ls');
  if (networks.length > 0) await engine.run(['network', 'rm', ...networks]);
  return containers.length + networks.length;
}

/**
 * Outlives the server: when the server's end of the pipe closes without a word, it died, and its containers go.
 * Twice, since one may have been on its way.
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
