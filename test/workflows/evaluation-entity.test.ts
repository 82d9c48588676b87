import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Decision } from '../../contracts/evaluation.js';
import type { ModelStatus, RunProgress, RunReceipt, RunResult } from '../../contracts/runs.js';
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

let entities = 0;
const until = (condition: () => boolean | Promise<boolean>) =>
  vi.waitUntil(condition, { timeout: 30_000, interval: 50 });

/** Activities over an endpoint that changes of the version by hand and deployments move. */
function endpointScript(scores: Readonly<Record<string, number>> = {}) {
  const { activities } = script();
  let live = 'newer';
  /** What happened to the endpoint and to the candidate, in order. */
  const story: string[] = [];
  const scripted: Script = script({
    startEvaluation: async (given) => {
      story.push(`judged against ${live}`);
      const happy = await activities.startEvaluation(given);
      return { ...happy, live: { ...happy.live, modelName: live }, liveConfig: live };
    },
    scoreModels: async (given) => {
      const happy = await activities.scoreModels(given);
      const rmse = scores[given.started.live?.modelName ?? ''] ?? 1.1;
      return { ...happy, ...(happy.live && { live: { ...happy.live, metrics: { rmse } } }) };
    },
    startDeployment: async (given) => {
      if (given.judgedAgainst !== live) throw raise('LiveChanged', `not ${given.judgedAgainst} but ${live} is live`);
      story.push(`deployed over ${live}`);
      live = 'candidate';
      return activities.startDeployment(given);
    },
    startChange: async ({ plan }) => {
      live = plan.to.config.endsWith('-old') ? 'older' : plan.to.config;
      story.push(`went to ${live}`);
      return { warnings: [] };
    },
  });
  return { scripted, story };
}

interface Entity {
  readonly handle: WorkflowHandle;
  /** Starts a run and waits until it asks a person. */
  asked(): Promise<WorkflowHandle>;
  rollback(): Promise<RunResult>;
  holder(): Promise<string | undefined>;
}

async function withEntity(scripted: Script, body: (entity: Entity) => Promise<void>): Promise<void> {
  const definition = exampleDefinition({
    name: `approvals-${process.pid}-${(entities += 1)}`,
    evaluation: { metric: 'rmse', holdout: 'P30D', gate: { noWorseThanLive: 0.02 }, approval: 'required' },
  });
  await withWorker(env, scripted.activities, async (taskQueue) => {
    const handle = await env.client.workflow.start('model', {
      taskQueue,
      workflowId: `model/${definition.name}`,
      args: [{ name: definition.name, definition }],
    });
    const entity: Entity = {
      handle,
      asked: async () => {
        const args: [object] = [{ trigger: 'manual' }];
        const { run } = await handle.executeUpdate<RunReceipt, [object]>('requestRun', { args });
        const started = env.client.workflow.getHandle(run);
        await until(async () => (await started.query<RunProgress>('progress')).decideBy !== undefined);
        return started;
      },
      rollback: async () => {
        const args: [ChangeRequest] = [{ kind: 'rollback', by: 'bob' }];
        const { workflowId } = await handle.executeUpdate<{ workflowId: string }, [ChangeRequest]>('changeEndpoint', {
          args,
        });
        return (await env.client.workflow.getHandle(workflowId).result()) as RunResult;
      },
      holder: async () => (await handle.query<ModelStatus>('status')).endpointHolder,
    };
    try {
      await body(entity);
    } finally {
      await handle.terminate().catch(() => undefined);
    }
  });
}

const approve = (run: WorkflowHandle) =>
  run.executeUpdate<unknown, [Decision]>('decide', { args: [{ approve: true, by: 'ada', note: 'seen' }] });

describe('a roll-back while a run waits for a person', { timeout: 120_000 }, () => {
  it('is done at once; the approved run is judged again, against what is live now, and deployed', async () => {
    const { scripted, story } = endpointScript();
    await withEntity(scripted, async ({ asked, rollback, holder }) => {
      const run = await asked();
      expect(await holder()).toBeUndefined();
      expect(await rollback()).toMatchObject({ outcome: 'Deployed' });
      await approve(run);
      expect(await run.result()).toMatchObject({
        outcome: 'Deployed',
        evaluation: { liveConfig: 'older', approval: { decision: 'approved', by: 'ada', note: 'seen' } },
      });
      expect(story).toEqual(['judged against newer', 'went to older', 'judged against older', 'deployed over older']);
      expect(scripted.notices.filter(({ kind }) => kind === 'approval')).toHaveLength(1);
      expect(scripted.count('rollBack')).toBe(0);
      // Nobody keeps the endpoint.
      await until(async () => (await holder()) === undefined);
      expect(await rollback()).toMatchObject({ outcome: 'Deployed' });
    });
  });

  it('rejects the approved candidate that is worse than what is live now, and leaves the endpoint free', async () => {
    const { scripted, story } = endpointScript({ older: 0.5 });
    await withEntity(scripted, async ({ asked, rollback, holder }) => {
      const run = await asked();
      await rollback();
      await approve(run);
      const { outcome, reason } = (await run.result()) as RunResult;
      expect([outcome, reason]).toEqual(['Rejected', expect.stringContaining("the live model's 0.5")]);
      expect(story).toEqual(['judged against newer', 'went to older', 'judged against older']);
      await until(async () => (await holder()) === undefined);
      expect(scripted.outcomes.at(-1)?.evaluation?.approval).toMatchObject({ by: 'ada', note: 'seen' });
    });
  });

  it('gets the endpoint between the two judgements', async () => {
    const { scripted, story } = endpointScript();
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const { scoreModels } = scripted.activities;
    let scored = 0;
    const held = script({
      ...scripted.activities,
      scoreModels: async (given) => {
        if ((scored += 1) === 2) await opened;
        return scoreModels(given);
      },
    });
    await withEntity(held, async ({ asked, rollback }) => {
      const run = await asked();
      await rollback();
      await approve(run);
      try {
        await until(() => scored === 2);
        expect(await rollback()).toMatchObject({ outcome: 'Deployed' });
      } finally {
        open();
      }
      expect(await run.result()).toMatchObject({ outcome: 'Deployed' });
      expect(story.at(-1)).toBe('deployed over older');
    });
  });
});
