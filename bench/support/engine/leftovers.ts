import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Engine } from '../../../engine/engine.js';

/** What a container engine and the folder of temporary files hold, each by its kind and name. */
export async function holdings(engine: Engine): Promise<Set<string>> {
  const lists = {
    container: ['ps', '--all', '--quiet'],
    network: ['network', 'ls', '--quiet'],
    volume: ['volume', 'ls', '--quiet'],
  };
  const held: string[] = [];
  for (const [kind, list] of Object.entries(lists))
    for (const id of (await engine.run(list)).split(/\s+/)) if (id !== '') held.push(`${kind} ${id}`);
  // Those of others come and go meanwhile.
  const ours = (await readdir(tmpdir())).filter((name) => /^(perennial|sagemaker)-/.test(name));
  return new Set([...held, ...ours.map((name) => `folder ${name}`)]);
}
