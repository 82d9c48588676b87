import type { Engine } from '../../engine/engine.js';
import { ENGINE_NAMES } from '../../engine/engine.js';
import { findEngine } from '../../engine/find.js';

/** Container engines of this machine that answer; without any, why, for the names of tests that are left out. */
export async function enginesHere(): Promise<{ readonly engines: readonly Engine[]; readonly reason: string }> {
  const engines: Engine[] = [];
  const said: string[] = [];
  for (const name of ENGINE_NAMES) {
    try {
      engines.push(await findEngine(name));
    } catch (error) {
      said.push((error as Error).message.split('\n')[1]?.trim() ?? name);
    }
  }
  return { engines, reason: `no container engine answers (${said.join('; ')})` };
}

/** Whether an engine's loopback is this process's: not where it runs in a virtual machine, or on another host. */
export function sharesLoopback({ name, env }: Engine): boolean {
  const remote = name === 'docker' ? env['DOCKER_HOST'] : env['CONTAINER_HOST'];
  return process.platform === 'linux' && (remote === undefined || remote.startsWith('unix:'));
}
