import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compactTime, runId } from '../../contracts/names.js';
import type { RunInput } from '../../contracts/runs.js';
import { exampleDefinition } from '../support/definitions.js';
import { devServerEnvironment } from '../support/dev-server.js';
import { raise, script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';
import { withListener } from './queue.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await devServerEnvironment();
});
afterAll(() => env.teardown());

/** A run whose job is looked at once an hour, and found complete at its last look. Answers with its history's length once it ended. */
async function waitingRun(
  whenItWaits: (job: string, looks: () => number) => Promise<void>,
  lastLook = 2,
): Promise<number> {
  let looks = 0;
  const { activities } = script({
    awaitTrainingJob: async ({ trainingJob }) => {
      if ((looks += 1) < lastLook) throw raise('InProgress', 'InProgress: Training', '1h');
      return { trainingJob, artifactUri: 's3://b/m', metrics: [], billableSeconds: 1 };
    },
  });
  const runTime = new Date().toISOString();
  const definition = exampleDefinition({ notify: {} });
  const input: RunInput = { runTime, definition, request: { trigger: 'manual' }, entity: false };
  return withWorker(env, activities, async (taskQueue) => {
    const workflowId = runId(definition.name, runTime);
    const handle = await env.client.workflow.start('retrain', { taskQueue, workflowId, args: [input] });
    try {
      await expect.poll(() => looks, { timeout: 15_000 }).toBe(1);
      await whenItWaits(`${definition.name}-${compactTime(runTime)}-1`, () => looks);
      await handle.result();
      expect(looks).toBe(lastLook);
      return (await handle.describe()).historyLength;
    } finally {
      await handle.terminate().catch(() => undefined);
    }
  });
}

const event = (TrainingJobName: string, TrainingJobStatus = 'Completed') =>
  JSON.stringify({
    source: 'aws.sagemaker',
    'detail-type': 'SageMaker Training Job State Change',
    detail: { TrainingJobName, TrainingJobStatus },
  });

describe('a state change of SageMaker', () => {
  it('ends the wait at once, and costs the run no history event', async () => {
    await withListener(env, async ({ send, left }) => {
      const began = Date.now();
      const events = await waitingRun((job) => send(event(job)));
      expect(Date.now() - began).toBeLessThan(20_000);
      const undisturbed = await waitingRun(async (job) => {
        // Twice, and after others that end nothing.
        await send('not json');
        await send(event('somebody-elses-job'));
        await send(event(job, 'InProgress'));
        await Promise.all([send(event(job)), send(event(job))]);
      });
      expect(Math.abs(undisturbed - events)).toBeLessThanOrEqual(3);
      expect(Math.max(undisturbed, events)).toBeLessThanOrEqual(85);
      await expect.poll(left, { timeout: 10_000 }).toBe(0);
    });
  });

  it('that comes while the job still runs costs one look, and the wait goes on', async () => {
    await withListener(env, async ({ send }) => {
      const events = await waitingRun(async (job, looks) => {
        await send(event(job));
        await expect.poll(looks, { timeout: 15_000 }).toBe(2);
        await send(event(job));
      }, 3);
      expect(events).toBeLessThanOrEqual(85);
    });
  });

  it('of a run that is over changes nothing', async () => {
    await withListener(env, async ({ send, left }) => {
      await send(event(`nobody-${compactTime(new Date().toISOString())}-1`));
      await expect.poll(left, { timeout: 10_000 }).toBe(0);
    });
  });
});
