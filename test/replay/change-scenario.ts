import { vi } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import { MESSAGES } from '../../contracts/runs.js';
import type { ChangeRequest } from '../../contracts/versions.js';
import { exampleDefinition } from '../support/definitions.js';
import { raise, script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';
import type { Scenario } from './run-scenario.js';

interface Path {
  readonly overrides?: Partial<Activities>;
  /** Cancelled while the endpoint moves. */
  readonly cancelled?: boolean;
  /** Whose history is wanted. */
  readonly of?: 'change' | 'entity';
}

/** A change of the endpoint by hand, which the model's entity starts. */
export function change(kind: ChangeRequest['kind'], { overrides, cancelled, of = 'change' }: Path = {}): Scenario {
  return ({ live: env }) => {
    const moving: Partial<Activities> = {
      awaitEndpoint: async () => Promise.reject(raise('InProgress', 'Updating', '60s')),
    };
    const scripted = script({ ...overrides, ...(cancelled ? moving : {}) });
    const name = `changed-${kind}-${of}${cancelled ? '-cancelled' : ''}${overrides ? '-failed' : ''}`;
    const definition = exampleDefinition({ name });
    return withWorker(env, scripted.activities, async (taskQueue) => {
      const entity = await env.client.workflow.start('model', {
        taskQueue,
        workflowId: `model/${name}`,
        args: [{ name, definition }],
      });
      const args: [ChangeRequest] = [{ kind, by: 'ada', note: 'drifts' }];
      const { workflowId } = await entity.executeUpdate<{ workflowId: string }, [ChangeRequest]>(
        MESSAGES.changeEndpoint,
        { args },
      );
      const handle = env.client.workflow.getHandle(workflowId);
      if (cancelled) {
        await vi.waitUntil(() => scripted.count('awaitEndpoint') > 0, { timeout: 30_000 });
        await handle.cancel();
      }
      await handle.result().catch(() => undefined);
      await entity.signal(MESSAGES.retire);
      await entity.result();
      return of === 'entity' ? entity : handle;
    });
  };
}

/** As the smoke test fails: the endpoint goes back. */
export const UNPROVEN: Partial<Activities> = {
  smokeTest: async () => Promise.reject(raise('SmokeTestFailed', '500')),
  rollBack: async ({ previousConfig = '' }) => ({ action: 'restored', config: previousConfig }),
};
