import { randomUUID } from 'node:crypto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRetrainActivities } from '../../activities/retrains.js';
import { entityId } from '../../contracts/names.js';
import type { PurgeWork } from '../../contracts/purge/index.js';
import type { RetrainedModel } from '../../contracts/purge/process.js';
import { MESSAGES, WORKFLOWS, type ModelStatus } from '../../contracts/runs.js';
import { devServerEnvironment } from '../support/dev-server.js';
import { exampleDefinition } from '../support/definitions.js';
import { script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';
import { runActivity } from './support/world.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await devServerEnvironment();
});
afterAll(() => env.teardown());

const { requestRetrains, awaitRetrains } = createRetrainActivities();
const work = (execution: string) => ({ ref: { request: 'R-17', execution, startedAt: '' } }) as PurgeWork;

const request = (models: readonly string[], execution: string = randomUUID()) =>
  runActivity(requestRetrains, { ...work(execution), models }, env.client);
const look = (...runs: RetrainedModel[]) => runActivity(awaitRetrains, { runs, poll: '15s' }, env.client);

describe('runs that a purge wants', () => {
  it('are asked for once an execution, waited for, and told of as they ended', async () => {
    let open = (): void => undefined;
    const held = new Promise<void>((resolve) => (open = resolve));
    const scripted = script({
      awaitTrainingJob: async (input) => {
        await held;
        return script().activities.awaitTrainingJob(input);
      },
    });
    const model = `retrains-${process.pid}`;
    await withWorker(env, scripted.activities, async (taskQueue) => {
      const entity = await env.client.workflow.start(WORKFLOWS.model, {
        taskQueue,
        workflowId: entityId(model),
        args: [{ name: model, definition: exampleDefinition({ name: model }) }],
      });
      const execution = randomUUID();
      const first = await request([model], execution);
      const second = await request([model], execution);
      expect(second).toEqual(first);
      expect((await entity.query<ModelStatus>(MESSAGES.status)).queue).toEqual([]);
      const other = await request([model]);
      expect(other).not.toEqual(first);

      const runs = [...first.runs, ...other.runs];
      await expect(look(...runs)).rejects.toMatchObject({
        type: 'InProgress',
        message: expect.stringMatching(/: \w+; .*: queued$/) as string,
      });
      open();
      await Promise.all(
        runs.map(({ run }) =>
          env.client.workflow
            .getHandle(run)
            .result()
            .catch(() => undefined),
        ),
      );
      const { runs: ended } = await look(...first.runs);
      expect(ended).toMatchObject([{ model, outcome: 'Deployed' }]);
      await entity.signal(MESSAGES.retire);
    });
  });

  it('are unknown where no such model is applied, or they never started', async () => {
    const model = `none-${randomUUID().slice(0, 8)}`;
    const { runs } = await request([model]);
    expect(runs).toMatchObject([{ model, outcome: 'Unknown', reason: expect.stringContaining('apply') as string }]);
    const dropped = { model, run: `retrain/${model}/2026-01-01T00:00:00.000Z` };
    expect(await look(...runs, dropped)).toMatchObject({
      runs: [{ outcome: 'Unknown' }, { outcome: 'Unknown', reason: 'it left the queue without starting' }],
    });
  });
});
