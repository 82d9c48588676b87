import { MESSAGES, WORKFLOWS } from '../../contracts/runs.js';
import { defaultStorage } from '../../contracts/storage/index.js';
import { STORAGE_ID } from '../../contracts/storage/state.js';
import { script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';
import type { Scenario } from './run-scenario.js';

/** Declared storage through its life: the same again, another, none any more. */
export const declaredStorage: Scenario = ({ live: env }) => {
  const storage = defaultStorage('example-bucket');
  return withWorker(env, script().activities, async (taskQueue) => {
    const handle = await env.client.workflow.start(WORKFLOWS.storage, {
      taskQueue,
      workflowId: STORAGE_ID,
      args: [{ storage }],
    });
    await handle.executeUpdate(MESSAGES.apply, { args: [storage] });
    await handle.executeUpdate(MESSAGES.apply, { args: [{ ...storage, purge: { confirmAbove: 7 } }] });
    await handle.executeUpdate(MESSAGES.apply, { args: [null] });
    await handle.result();
    return handle;
  });
};
