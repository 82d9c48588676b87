import { MESSAGES } from '../../contracts/runs.js';
import { exampleDefinition } from '../support/definitions.js';
import { script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';
import type { Scenario } from './run-scenario.js';

/** An entity whose runs are started by new data and by a declared event, with a pause between. */
export const entityWithEvents: Scenario = ({ skipping: env }) => {
  const definition = exampleDefinition({
    name: 'watchful',
    triggers: { newData: { debounce: '1m' }, events: [{ source: 'app', detailType: 'done' }] },
  });
  return withWorker(env, script().activities, async (taskQueue) => {
    const handle = await env.client.workflow.start('model', {
      taskQueue,
      workflowId: 'model/watchful',
      args: [{ name: 'watchful', definition }],
    });
    await env.sleep('10m');
    await handle.signal(MESSAGES.dataArrived);
    await env.sleep('30s');
    await handle.signal(MESSAGES.dataArrived);
    await env.sleep('10m');
    await handle.signal(MESSAGES.pauseEvents, { note: 'new sensors' });
    await handle.signal(MESSAGES.dataArrived);
    await handle.signal(MESSAGES.pauseEvents, {});
    await handle.signal(MESSAGES.runWanted, { trigger: 'event', event: 'done (app)' });
    await env.sleep('10m');
    await handle.signal(MESSAGES.retire);
    await handle.result();
    return handle;
  });
};
