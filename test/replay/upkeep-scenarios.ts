import type { Due, RetentionStep } from '../../contracts/retention.js';
import { WORKFLOWS } from '../../contracts/runs.js';
import { storageSchema } from '../../contracts/storage/index.js';
import { exampleDefinition } from '../support/definitions.js';
import { script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';
import type { Scenario } from './run-scenario.js';

const due = (step: RetentionStep): Due => ({
  objects: 2,
  bytes: 200,
  owners: step === 'age' ? 0 : 1,
  targetsUri: `s3://bucket/_perennial/targets/${step}.jsonl`,
  ...(step === 'return' && { originsUri: 's3://bucket/_perennial/targets/origins.jsonl' }),
});

/** A pass of retention in which every step has something to do. */
const retention: Scenario = ({ skipping: env }) => {
  const name = 'retention-replay';
  const dormancy = { owners: 's3://bucket/owners.csv', keys: '{owner}/*', after: 'P1Y', apart: 'dormant/' };
  const definition = exampleDefinition({
    name,
    data: { bucket: 'bucket', window: 'P1Y', retention: { age: 'P3Y', dormancy } },
  });
  const steps = { grace: due('grace'), apart: due('apart'), return: due('return'), age: due('age') };
  const { activities } = script({ findDue: async () => ({ steps, warnings: [] }) });
  return withWorker(env, activities, async (taskQueue) => {
    const handle = await env.client.workflow.start(WORKFLOWS.retention, {
      taskQueue,
      workflowId: `retention/${name}`,
      args: [{ definition, date: '2026-05-01' }],
    });
    await handle.result();
    return handle;
  });
};

/** A comparison of two mirrors with their buckets. */
const reconcile: Scenario = ({ skipping: env }) => {
  const mirrors = ['a', 'b'].map((folder) => ({ bucket: 'example-bucket', path: `/mnt/${folder}` }));
  const { storage } = storageSchema.parse({ storage: { records: { bucket: 'example-bucket' }, mirrors } });
  return withWorker(env, script().activities, async (taskQueue) => {
    const handle = await env.client.workflow.start(WORKFLOWS.reconcile, {
      taskQueue,
      workflowId: 'reconcile/replay',
      args: [{ storage }],
    });
    await handle.result();
    return handle;
  });
};

/** What goes on by schedules beside the runs. */
export const UPKEEP: Readonly<Record<string, Scenario>> = {
  'retention-all-steps': retention,
  'reconcile-two-mirrors': reconcile,
};
