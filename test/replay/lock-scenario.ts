import type { WorkflowHandle } from '@temporalio/client';
import { vi } from 'vitest';
import { MESSAGES, type RunProgress, type RunReceipt } from '../../contracts/runs.js';
import { exampleDefinition } from '../support/definitions.js';
import { script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';
import type { Scenario } from './run-scenario.js';

/** A run that is cancelled while it waits for the endpoint, which a deletion holds. */
export const cancelledAtTheLock: Scenario = ({ live: env }) => {
  let finish = (): void => undefined;
  const deleted = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const scripted = script({ awaitEndpointGone: () => deleted });
  const definition = exampleDefinition({ name: 'locked' });
  return withWorker(env, scripted.activities, async (taskQueue) => {
    const entity = await env.client.workflow.start('model', {
      taskQueue,
      workflowId: 'model/locked',
      args: [{ name: 'locked', definition }],
    });
    await entity.executeUpdate(MESSAGES.deleteEndpoint);
    const { run } = await entity.executeUpdate<RunReceipt, [object]>(MESSAGES.requestRun, {
      args: [{ trigger: 'manual' }],
    });
    const handle: WorkflowHandle = env.client.workflow.getHandle(run);
    const stage = async () => (await handle.query<RunProgress>(MESSAGES.progress)).stage;
    await vi.waitUntil(async () => (await stage()) === 'deploy', { timeout: 10_000 });
    await handle.cancel();
    await handle.result().catch(() => undefined);
    finish();
    await entity.signal(MESSAGES.retire);
    await entity.result();
    return handle;
  });
};
