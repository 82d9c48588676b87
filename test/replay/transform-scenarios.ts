import { vi } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import { WORKFLOWS } from '../../contracts/runs.js';
import { transformId } from '../../contracts/transforms.js';
import { exampleDefinition } from '../support/definitions.js';
import { raise, script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';
import type { Scenario } from './run-scenario.js';

const TIME = '2026-01-01T00:00:00.000Z';

/** A batch transform to its end; cancelled while its job runs where `cancelled` says so. */
function transform(name: string, overrides: Partial<Activities>, cancelled = false): Scenario {
  return ({ live: env }) => {
    const running: Partial<Activities> = {
      awaitTransform: async () => Promise.reject(raise('InProgress', 'InProgress', '60s')),
    };
    const scripted = script({ ...overrides, ...(cancelled ? running : {}) });
    const definition = exampleDefinition({
      name,
      transforms: [{ input: 's3://bucket/rows/', output: 's3://bucket/daily/' }],
    });
    return withWorker(env, scripted.activities, async (taskQueue) => {
      const handle = await env.client.workflow.start(WORKFLOWS.transform, {
        taskQueue,
        workflowId: transformId(name, 'daily', TIME),
        args: [{ definition, transform: definition.transforms[0], time: TIME }],
      });
      if (cancelled) {
        await vi.waitUntil(() => scripted.count('awaitTransform') > 0, { timeout: 30_000 });
        await handle.cancel();
      }
      await handle.result().catch(() => undefined);
      return handle;
    });
  };
}

/** Paths of a scheduled batch transform. */
export const TRANSFORMS: Readonly<Record<string, Scenario>> = {
  'transform-completed': transform('completed', {}),
  'transform-failed': transform('failed', {
    awaitTransform: async () => Promise.reject(raise('TransformFailed', 'AlgorithmError')),
  }),
  'transform-cancelled': transform('cancelled', {}, true),
};
