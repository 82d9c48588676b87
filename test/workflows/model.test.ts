import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import type { Definition, DefinitionInput } from '../../contracts/definition/index.js';
import type { ModelStatus, RunReceipt, RunRequest } from '../../contracts/runs.js';
import type { model } from '../../workflows/model/index.js';
import { exampleDefinition } from '../support/definitions.js';
import { NO_NEWS, raise, script } from '../support/scripted-activities.js';
import { timeSkippingEnvironment, withWorker } from '../support/time-skipping.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await timeSkippingEnvironment();
});
afterAll(() => env.teardown());

let entities = 0;

/** A gate that an activity waits at until the test opens it. */
function gate(): { open: () => void; passed: Promise<void> } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}

interface Entity {
  readonly handle: WorkflowHandle<typeof model>;
  run(request?: Partial<RunRequest>): Promise<RunReceipt>;
  status(): Promise<ModelStatus>;
  ended(count: number): Promise<void>;
}

async function withEntity(
  activities: Activities,
  body: (entity: Entity, definition: Definition) => Promise<void>,
  sections: Partial<DefinitionInput> = {},
): Promise<void> {
  const definition = exampleDefinition({ name: `entity-${(entities += 1)}`, ...sections });
  await withWorker(env, activities, async (taskQueue) => {
    const handle = await env.client.workflow.start<typeof model>('model', {
      taskQueue,
      workflowId: `model/${definition.name}`,
      args: [{ name: definition.name, definition }],
    });
    const status = () => handle.query<ModelStatus>('status');
    const entity: Entity = {
      handle,
      run: (request = {}) => handle.executeUpdate('requestRun', { args: [{ trigger: 'manual', ...request }] }),
      status,
      ended: (count) =>
        expect
          .poll(async () => (await status()).queue.length + ((await status()).running ? 1 : 0), { timeout: 15_000 })
          .toBe(count),
    };
    try {
      await body(entity, definition);
    } finally {
      await handle.terminate().catch(() => undefined);
    }
  });
}

describe('model entity', () => {
  it('starts a run at once and knows how it ended', async () => {
    const scripted = script();
    await withEntity(scripted.activities, async (entity) => {
      const receipt = await entity.run();
      expect(receipt).toMatchObject({ state: 'started', position: 0 });
      // The answer comes when the run is there.
      const result = await env.client.workflow.getHandle(receipt.run).result();
      expect(result).toMatchObject({ outcome: 'Deployed' });
      await entity.ended(0);
      expect(await entity.status()).toMatchObject({ failures: 0, lastRun: { run: receipt.run, outcome: 'Deployed' } });
    });
  });

  it('runs one at a time: fifty wishes during a run become one queued run, own settings queue apart', async () => {
    const hold = gate();
    const runs: string[] = [];
    const scripted = script({
      checkData: async ({ ref, force }) => {
        runs.push(`${ref.run} ${force}`);
        await hold.passed;
        return NO_NEWS;
      },
    });
    await withEntity(scripted.activities, async (entity, definition) => {
      const first = await entity.run();
      const merged = await Promise.all(Array.from({ length: 50 }, (_, index) => entity.run({ force: index === 30 })));
      const own = await entity.run({ definition, set: ['training.count=2'], noDeploy: true });
      expect(new Set(merged.map((receipt) => receipt.run)).size).toBe(1);
      expect(merged.filter((receipt) => receipt.state === 'queued')).toHaveLength(1);
      expect(own).toMatchObject({ state: 'queued', position: 2 });
      expect((await entity.status()).queue.map((entry) => entry.wishes)).toEqual([50, 1]);
      hold.open();
      await entity.ended(0);
      expect(runs).toEqual([`${first.run} false`, `${merged[0]?.run} true`, `${own.run} false`]);
    });
  });

  it('refuses the twenty-first request with settings of its own, and loses none before it', async () => {
    const hold = gate();
    const scripted = script({
      checkData: async () => hold.passed.then(() => Promise.reject(raise('DataInvalid', 'x'))),
    });
    await withEntity(scripted.activities, async (entity) => {
      await entity.run();
      for (let index = 0; index < 20; index += 1) await entity.run({ asOf: '2026-01-01' });
      await expect(entity.run({ asOf: '2026-01-01' })).rejects.toMatchObject({
        cause: { message: expect.stringContaining('cancel one or wait') },
      });
      expect((await entity.status()).queue).toHaveLength(20);
      hold.open();
    });
  });

  it('counts failures in a row, and forgets them after a good run', async () => {
    let good = false;
    const scripted = script({
      awaitTrainingJob: async ({ trainingJob }) => {
        if (!good) throw raise('TrainingFailed', 'AlgorithmError');
        return { trainingJob, artifactUri: 's3://b/m', metrics: [], billableSeconds: 1 };
      },
    });
    await withEntity(scripted.activities, async (entity) => {
      for (let failures = 1; failures <= 2; failures += 1) {
        await entity.run();
        await entity.ended(0);
        expect(await entity.status()).toMatchObject({
          failures,
          lastRun: { outcome: 'Failed', reason: 'await: AlgorithmError' },
        });
      }
      good = true;
      await entity.run();
      await entity.ended(0);
      expect(await entity.status()).toMatchObject({ failures: 0 });
    });
  });

  it('lets a deletion of the endpoint wait for the deployment under way, not for the training', async () => {
    const training = gate();
    const order: string[] = [];
    const scripted = script({
      awaitTrainingJob: async ({ trainingJob }) => {
        await training.passed;
        return { trainingJob, artifactUri: 's3://b/m', metrics: [], billableSeconds: 1 };
      },
      deleteEndpoint: async () => {
        order.push('delete');
        return { state: 'deleting' };
      },
      startDeployment: async () => {
        order.push('deploy');
        return { modelName: 'm', endpoint: 'e', endpointConfig: 'c', action: 'created' };
      },
    });
    await withEntity(scripted.activities, async (entity) => {
      const run = await entity.run();
      const { workflowId } = await entity.handle.executeUpdate<{ workflowId: string }, []>('deleteEndpoint');
      expect(await env.client.workflow.getHandle(workflowId).result()).toMatchObject({ existed: true });
      training.open();
      expect(await env.client.workflow.getHandle(run.run).result()).toMatchObject({ outcome: 'Deployed' });
      expect(order).toEqual(['delete', 'deploy']);
    });
  });

  it('takes over a new definition for the next run, and says whether it was one', async () => {
    const instances: string[] = [];
    const scripted = script({
      checkData: async ({ definition }) => {
        instances.push(definition.training.instances[0] ?? '');
        return Promise.reject(raise('DataInvalid', 'stop here'));
      },
    });
    await withEntity(scripted.activities, async (entity, definition) => {
      const changed = { ...definition, training: { ...definition.training, instances: ['ml.m5.xlarge'] } };
      expect(await entity.handle.executeUpdate('apply', { args: [definition] })).toEqual({ changed: false });
      expect(await entity.handle.executeUpdate('apply', { args: [changed] })).toEqual({ changed: true });
      await entity.run();
      await entity.ended(0);
      expect(instances).toEqual(['ml.m5.xlarge']);
    });
  });

  it('drops a queued run, and ends once it is retired and idle', async () => {
    const hold = gate();
    const scripted = script({
      checkData: async () => hold.passed.then(() => Promise.reject(raise('DataInvalid', 'x'))),
    });
    await withEntity(scripted.activities, async (entity) => {
      await entity.run();
      const queued = await entity.run();
      expect(await entity.handle.executeUpdate('dropQueued', { args: [queued.run] })).toBe(true);
      expect(await entity.handle.executeUpdate('dropQueued', { args: [queued.run] })).toBe(false);
      await entity.handle.signal('retire');
      // A trigger that was under way comes too late.
      await entity.handle.signal('runWanted', { trigger: 'schedule' });
      hold.open();
      await entity.handle.result();
      expect(scripted.count('checkData')).toBe(1);
    });
  });

  it('pauses the schedule after five failures in a row, and says why', async () => {
    const notes: string[] = [];
    const scripted = script({
      checkData: async () => Promise.reject(raise('AccessDenied', 's3:ListBucketVersions')),
      pauseSchedule: async ({ model, note }) => void notes.push(`${model} ${note}`),
    });
    await withEntity(
      scripted.activities,
      async (entity, { name }) => {
        for (let failed = 1; failed <= 5; failed += 1) {
          expect(notes).toEqual([]);
          await entity.run();
          await entity.ended(0);
        }
        await expect
          .poll(() => notes)
          .toEqual([expect.stringMatching(`^${name} 5 runs in a row failed.*s3:ListBucket`)]);
      },
      { triggers: { schedule: { cron: '0 9 * * *' } } },
    );
  });

  it('gives the endpoint to nobody for a run that is over by then', async () => {
    const scripted = script();
    await withEntity(scripted.activities, async (entity, { name }) => {
      const stale = { workflowId: `retrain/${name}/2026-01-01T00:00:00.000Z` };
      await entity.handle.signal('endpointWanted', stale);
      const { run } = await entity.run();
      expect(await env.client.workflow.getHandle(run).result()).toMatchObject({ outcome: 'Deployed' });
      await entity.ended(0);
      expect((await entity.status()).endpointHolder).toBeUndefined();
    });
  });

  it('deletes the endpoint once for each of two requests of one moment', async () => {
    const scripted = script();
    await withEntity(scripted.activities, async (entity) => {
      const asked = () => entity.handle.executeUpdate<{ workflowId: string }, []>('deleteEndpoint');
      const answers = await Promise.all([asked(), asked(), asked()]);
      expect(new Set(answers.map(({ workflowId }) => workflowId)).size).toBe(3);
      for (const { workflowId } of answers) await env.client.workflow.getHandle(workflowId).result();
    });
  });
});
