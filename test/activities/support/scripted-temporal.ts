import type { Client } from '@temporalio/client';
import { entityId } from '../../../contracts/names.js';
import { MESSAGES, type RunProgress } from '../../../contracts/runs.js';
import type { World } from './world.js';

/** What Temporal knows: runs by their status, and what the model's entity and its running run say. */
export interface Known {
  readonly runs?: Readonly<Record<string, string>>;
  readonly running?: string;
  readonly queue?: readonly object[];
  readonly progress?: Partial<RunProgress>;
}

/** A client that answers with what is known of the runs of the world's model. */
export function temporal(world: World, { runs = {}, running, queue = [], progress = {} }: Known): Client {
  const missing = (id: string) => Object.assign(new Error(`no ${id}`), { name: 'WorkflowNotFoundError' });
  const getHandle = (id: string) => ({
    describe: async () => (runs[id] ? { status: { name: runs[id] } } : Promise.reject(missing(id))),
    query: async (name: string) => {
      if (name === MESSAGES.progress) return progress;
      if (id !== entityId(world.model)) throw missing(id);
      return { definition: world.definition(), queue, ...(running ? { running: { run: running } } : {}) };
    },
  });
  const withAbortSignal = (_signal: AbortSignal, call: () => unknown) => call();
  return { workflow: { getHandle }, withAbortSignal } as unknown as Client;
}
