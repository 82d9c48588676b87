import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import { parseRunId } from '../../contracts/names.js';
import type { ModelStatus, RunReceipt, RunResult } from '../../contracts/runs.js';
import type { ChangeRequest } from '../../contracts/versions.js';
import { exampleDefinition } from '../support/definitions.js';
import { devServerEnvironment } from '../support/dev-server.js';
import { raise, script, type Script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await devServerEnvironment();
});
afterAll(() => env.teardown());

const until = (condition: () => boolean | Promise<boolean>) =>
  vi.waitUntil(condition, { timeout: 30_000, interval: 50 });

let entities = 0;

/** Gates of the test under way: a worker can't end while an activity waits at one. */
const gates: (() => void)[] = [];

/** A gate that an activity waits at until the test opens it, or is over. */
function gate(): { open: () => void; passed: Promise<void> } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  gates.push(open);
  return { open, passed };
}

interface Entity {
  readonly name: string;
  readonly handle: WorkflowHandle;
  run(): Promise<string>;
  change(request?: Partial<ChangeRequest>): Promise<string>;
  /** How a run or a change ended: its value, or its failure. */
  end(id: string): Promise<RunResult>;
  status(): Promise<ModelStatus>;
}

async function withEntity(scripted: Script, body: (entity: Entity) => Promise<void>): Promise<void> {
  const definition = exampleDefinition({
    name: `changes-${process.pid}-${(entities += 1)}`,
    notify: { slack: { channel: '#m', tokenParameter: '/token' } },
  });
  await withWorker(env, scripted.activities, async (taskQueue) => {
    const handle = await env.client.workflow.start('model', {
      taskQueue,
      workflowId: `model/${definition.name}`,
      args: [{ name: definition.name, definition }],
    });
    const entity: Entity = {
      name: definition.name,
      handle,
      run: async () =>
        (await handle.executeUpdate<RunReceipt, [object]>('requestRun', { args: [{ trigger: 'manual' }] })).run,
      change: async (request = {}) => {
        const args: [ChangeRequest] = [{ kind: 'rollback', by: 'ada', ...request }];
        return (await handle.executeUpdate<{ workflowId: string }, [ChangeRequest]>('changeEndpoint', { args }))
          .workflowId;
      },
      end: (id) => env.client.workflow.getHandle(id).result() as Promise<RunResult>,
      status: () => handle.query<ModelStatus>('status'),
    };
    try {
      await body(entity);
    } finally {
      gates.splice(0).forEach((open) => open());
      await handle.terminate().catch(() => undefined);
    }
  });
}

const trained = { artifactUri: 's3://b/m', metrics: [], billableSeconds: 1 };

describe('a roll-back', { timeout: 120_000 }, () => {
  it('updates, verifies, records and tells, as one change with who and why', async () => {
    const scripted = script();
    await withEntity(scripted, async (entity) => {
      const id = await entity.change({ note: 'drifts', from: 'x' });
      expect(parseRunId(id)).toMatchObject({ kind: 'rollback', model: entity.name });
      const result = await entity.end(id);
      expect(result).toMatchObject({ outcome: 'Deployed', endpointConfig: `${entity.name}-old`, files: 2 });
      expect(result.reason).toMatch(/^rolled back from .*-live to .*-old, .* by ada: drifts$/);
      expect(scripted.calls.filter((name) => !['notifySlack', 'indexRun', 'cleanUp'].includes(name))).toEqual([
        'planChange',
        'startChange',
        'awaitEndpoint',
        'smokeTest',
        'recordOutcome',
      ]);
      expect([scripted.count('indexRun'), scripted.count('cleanUp')]).toEqual([1, 1]);
      const [outcome] = scripted.outcomes;
      expect(outcome).toMatchObject({
        run: id,
        kind: 'rollback',
        change: { by: 'ada', note: 'drifts', from: { config: `${entity.name}-live` } },
        fileRecordUri: 's3://bucket/old/files.json',
        dataHash: 'a'.repeat(64),
      });
      expect(outcome).not.toHaveProperty('asOf');
      expect(outcome).not.toHaveProperty('trainingJob');
      expect(scripted.notices.map(({ kind, change }) => [kind, change?.by])).toEqual([
        ['deploying', 'ada'],
        ['ended', 'ada'],
      ]);
      await until(async () => (await entity.status()).endpointHolder === undefined);
    });
  });

  it('waits for no training: a run that trains deploys after it', async () => {
    const training = gate();
    const scripted = script({
      awaitTrainingJob: async ({ trainingJob }) => {
        await training.passed;
        return { trainingJob, ...trained };
      },
    });
    await withEntity(scripted, async (entity) => {
      const run = await entity.run();
      await until(() => scripted.count('awaitTrainingJob') > 0);
      expect(await entity.end(await entity.change())).toMatchObject({ outcome: 'Deployed' });
      expect(scripted.count('startDeployment')).toBe(0);
      training.open();
      expect(await entity.end(run)).toMatchObject({ outcome: 'Deployed' });
      expect(scripted.count('startDeployment')).toBe(1);
    });
  });

  it('goes before a run that waits for the endpoint, and after the change that holds it', async () => {
    const update = gate();
    const order: string[] = [];
    let held = false;
    const scripted = script({
      startChange: async ({ ref }) => {
        order.push(ref.run);
        if (!held) {
          held = true;
          await update.passed;
        }
        return { warnings: [] };
      },
      startDeployment: async ({ ref }) => {
        order.push(ref.run);
        return { modelName: 'm', endpoint: 'e', endpointConfig: 'c', action: 'created' };
      },
    });
    await withEntity(scripted, async (entity) => {
      const first = await entity.change();
      await until(() => order.length === 1);
      const run = await entity.run();
      const stageOf = async () => {
        const progress = await env.client.workflow.getHandle(run).query<{ stage: string }>('progress');
        return progress.stage;
      };
      await until(async () => (await stageOf()) === 'deploy');
      const second = await entity.change({ kind: 'deploy' });
      expect(parseRunId(second)?.kind).toBe('deploy');
      expect((await entity.status()).endpointHolder).toBe(first);
      update.open();
      await Promise.all([first, second, run].map((id) => entity.end(id)));
      expect(order).toEqual([first, second, run]);
    });
  });

  it('returns to what was live when it fails, and says why', async () => {
    const backs: object[] = [];
    const scripted = script({
      smokeTest: async ({ ref }) => {
        if (parseRunId(ref.run)?.kind === 'rollback') throw raise('SmokeTestFailed', 'HTTP 500');
        return { latencyMs: 1 };
      },
      rollBack: async (input) => {
        backs.push(input);
        return { action: 'restored', config: input.previousConfig ?? '' };
      },
    });
    await withEntity(scripted, async (entity) => {
      const id = await entity.change();
      await expect(entity.end(id)).rejects.toMatchObject({ cause: { type: 'SmokeTestFailed' } });
      const [from, to] = [`${entity.name}-live`, `${entity.name}-old`];
      expect(backs).toEqual([expect.objectContaining({ failedConfig: to, previousConfig: from })]);
      expect(scripted.count('discardDeployment')).toBe(1);
      const [outcome] = scripted.outcomes;
      expect(outcome).toMatchObject({ outcome: 'Failed', kind: 'rollback', failureType: 'SmokeTestFailed' });
      // Nothing that would make a pointer name it.
      expect(outcome).not.toHaveProperty('fileRecordUri');
      expect(outcome).not.toHaveProperty('deployedAt');
      // The entity goes on, and counts no failure of a run.
      expect((await entity.status()).failures).toBe(0);
      expect(await entity.end(await entity.run())).toMatchObject({ outcome: 'Deployed' });
    });
  });

  it.each<[string, Partial<Activities>]>([
    ['the plan', { planChange: async () => Promise.reject(raise('LiveChanged', 'serves x by now')) }],
    ['the update', { startChange: async () => Promise.reject(raise('LiveChanged', 'serves x by now')) }],
  ])('touches nothing where something else is live, says %s', async (_what, overrides) => {
    const scripted = script(overrides);
    await withEntity(scripted, async (entity) => {
      const end = entity.end(await entity.change());
      await expect(end).rejects.toMatchObject({ cause: { type: 'LiveChanged' } });
      expect([scripted.count('rollBack'), scripted.count('awaitEndpoint')]).toEqual([0, 0]);
      expect(scripted.outcomes).toMatchObject([{ outcome: 'Failed', failureType: 'LiveChanged' }]);
    });
  });

  it('goes without a smoke test, with a warning, where the rows are gone; the endpoint is looked at once more', async () => {
    const scripted = script({
      smokeTest: async () => Promise.reject(raise('ResourceMissing', 'the manifest is gone')),
    });
    await withEntity(scripted, async (entity) => {
      const result = await entity.end(await entity.change());
      expect(result.warnings).toEqual(['no smoke test: the manifest is gone']);
      expect(scripted.count('awaitEndpoint')).toBe(2);
    });
  });

  it('is retried by its activities, and attaches to its own update', async () => {
    let tries = 0;
    const scripted = script({
      startChange: async () => {
        if ((tries += 1) < 3) throw raise('ServiceUnavailable', 'sorry');
        return { warnings: ['taken over'] };
      },
    });
    await withEntity(scripted, async (entity) => {
      expect((await entity.end(await entity.change())).warnings).toEqual(['taken over']);
    });
  });
});

describe('cancelling a change', { timeout: 120_000 }, () => {
  it('leaves the line while it waits for the endpoint', async () => {
    const update = gate();
    const scripted = script({
      startChange: async () => {
        await update.passed;
        return { warnings: [] };
      },
    });
    await withEntity(scripted, async (entity) => {
      const first = await entity.change();
      await until(() => scripted.count('startChange') === 1);
      const second = await entity.change();
      await env.client.workflow.getHandle(second).cancel();
      await expect(entity.end(second)).rejects.toThrow();
      update.open();
      expect(await entity.end(first)).toMatchObject({ outcome: 'Deployed' });
      expect(scripted.count('startChange')).toBe(1);
      expect(scripted.outcomes.map(({ outcome }) => outcome)).toEqual(['Cancelled', 'Deployed']);
    });
  });

  it('brings the endpoint back to what was live', async () => {
    const scripted = script({ awaitEndpoint: async () => Promise.reject(raise('InProgress', 'Updating', '60s')) });
    await withEntity(scripted, async (entity) => {
      const id = await entity.change();
      await until(() => scripted.count('awaitEndpoint') > 0);
      await env.client.workflow.getHandle(id).cancel();
      await expect(entity.end(id)).rejects.toThrow();
      expect([scripted.count('rollBack'), scripted.count('discardDeployment')]).toEqual([1, 1]);
      expect(scripted.outcomes).toMatchObject([{ outcome: 'Cancelled', kind: 'rollback' }]);
    });
  });
});
