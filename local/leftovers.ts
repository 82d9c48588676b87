import { stopProcess } from './processes.js';
import { serviceLabels, type ServiceName, serviceNames } from './services/service.js';
import type { StateFile } from './state.js';

const STOP_WITHIN_MS = 20_000;

/**
 * Stops the services that a killed supervisor left behind, those that others need last.
 * @returns the names of what was still running. What was already dead stays in the state file: its next start must know that it crashed.
 */
export async function stopLeftovers(state: StateFile): Promise<string[]> {
  const stopped: string[] = [];
  const stop = async (name: ServiceName): Promise<void> => {
    const id = state.children[name];
    if (id === undefined) return;
    const how = await stopProcess(id, STOP_WITHIN_MS, name === 'postgres' ? 'SIGINT' : 'SIGTERM');
    if (how === 'gone') return;
    stopped.push(serviceLabels[name]);
    if (how === 'stopped') await state.setChild(name, undefined);
  };
  for (const name of ['worker', 'sagemaker', 'redshift'] as const) await stop(name);
  await Promise.all(serviceNames.map(stop));
  return stopped;
}
