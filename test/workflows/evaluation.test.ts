import { type WorkflowHandle, WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DefinitionInput } from '../../contracts/definition/index.js';
import type { Decision } from '../../contracts/evaluation.js';
import { runId } from '../../contracts/names.js';
import type { RunInput, RunProgress, RunRequest, RunResult } from '../../contracts/runs.js';
import { exampleDefinition } from '../support/definitions.js';
import { raise, script, type Script } from '../support/scripted-activities.js';
import { timeSkippingEnvironment, withWorker } from '../support/time-skipping.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await timeSkippingEnvironment();
});
afterAll(() => env.teardown());

let runs = 0;

function input(evaluation: Partial<DefinitionInput['evaluation']> = {}, request: Partial<RunRequest> = {}): RunInput {
  return {
    runTime: new Date(Date.UTC(2026, 0, 1) + (runs += 1)).toISOString(),
    definition: exampleDefinition({
      evaluation: { metric: 'rmse', holdout: 'P30D', gate: { max: 2, noWorseThanLive: 0.02 }, ...evaluation },
    }),
    request: { trigger: 'manual', ...request },
    entity: false,
  };
}

interface Played {
  readonly result?: RunResult;
  readonly failure?: Error;
  readonly events: number;
}

async function play(
  scripted: Script,
  run: RunInput,
  meanwhile: (handle: WorkflowHandle) => Promise<void> = async () => undefined,
): Promise<Played> {
  return withWorker(env, scripted.activities, async (taskQueue) => {
    const handle = await env.client.workflow.start('retrain', {
      taskQueue,
      workflowId: runId(run.definition.name, run.runTime),
      args: [run],
    });
    await meanwhile(handle);
    const ended = await handle.result().then(
      (result: RunResult) => ({ result }),
      (error: unknown) => {
        if (!(error instanceof WorkflowFailedError) || !error.cause) throw error;
        return { failure: error.cause };
      },
    );
    return { ...ended, events: (await handle.fetchHistory()).events?.length ?? 0 };
  });
}

const worse = { rmse: 1.2 };

/** Activities whose candidate, or live model, has other figures. */
function scored(candidate: object, live?: object): Pick<Script['activities'], 'scoreModels'> {
  const { activities } = script();
  return {
    scoreModels: async (given) => {
      const happy = await activities.scoreModels(given);
      return {
        ...happy,
        candidate: { ...happy.candidate, metrics: { ...happy.candidate.metrics, ...candidate } },
        ...(happy.live && { live: { ...happy.live, metrics: { ...happy.live.metrics, ...live } } }),
      };
    },
  };
}

describe('a run that evaluates', () => {
  it('judges before it deploys, says the figures, and stays within 140 events', async () => {
    const scripted = script();
    const { result, events } = await play(scripted, input());
    expect(result).toMatchObject({ outcome: 'Deployed', warnings: [] });
    const calls = scripted.calls.filter((name) => name !== 'notifySlack');
    expect(calls.slice(0, 3)).toEqual(['checkData', 'startTraining', 'awaitTrainingJob']);
    // Beside each other.
    expect(calls.slice(3, 5).sort()).toEqual(['confirmFiles', 'startEvaluation']);
    expect(calls.slice(5, 11)).toEqual([
      'awaitTransforms',
      'scoreModels',
      'startDeployment',
      'awaitEndpoint',
      'smokeTest',
      'recordOutcome',
    ]);
    expect(calls.slice(11).sort()).toEqual(['cleanUp', 'forgetEvaluation', 'indexRun']);
    expect(scripted.outcomes[0]?.evaluation).toMatchObject({
      metric: 'rmse',
      rows: 100,
      candidate: { metrics: { rmse: 1 } },
      live: { metrics: { rmse: 1.1 }, rescored: true },
      verdict: { passed: true },
    });
    expect(Object.keys(scripted.outcomes[0]?.stages ?? {})).toEqual(
      expect.arrayContaining(['evaluate', 'gate', 'deploy']),
    );
    expect(events).toBeLessThanOrEqual(140);
  });

  it('ends as Rejected with the numbers, leaves the endpoint alone and the candidate nowhere', async () => {
    const forgotten: boolean[] = [];
    const scripted = script({
      ...scored(worse),
      forgetEvaluation: async ({ keepModel }) => {
        forgotten.push(keepModel);
        return { removed: 2, warnings: [] };
      },
    });
    const { result } = await play(scripted, input());
    expect(result?.outcome).toBe('Rejected');
    expect(result?.reason).toContain('rmse 1.2 is worse than the live model');
    expect(result?.reason).toContain('1.1');
    expect(scripted.count('startDeployment')).toBe(0);
    expect(forgotten).toEqual([false]);
    expect(scripted.outcomes[0]).toMatchObject({ outcome: 'Rejected', evaluation: { verdict: { passed: false } } });
    const told = scripted.notices.at(-1);
    expect(told).toMatchObject({ kind: 'ended', outcome: 'Rejected', evaluation: { verdict: { passed: false } } });
  });

  it('says under --no-deploy what the gate would do, and leaves no SageMaker model', async () => {
    const scripted = script(scored(worse));
    const { result } = await play(scripted, input({}, { noDeploy: true }));
    expect(result).toMatchObject({ outcome: 'Trained' });
    expect(result?.reason).toContain('the gate would reject it');
    expect(scripted.count('forgetEvaluation')).toBe(1);
  });

  it.each(['TransformFailed', 'TransformStopped', 'DataInvalid'] as const)(
    'fails with %s, and cleans up',
    async (type) => {
      const at = type === 'DataInvalid' ? 'scoreModels' : 'awaitTransforms';
      const scripted = script({ [at]: async () => Promise.reject(raise(type, 'said why')) });
      const { failure } = await play(scripted, input());
      expect(failure).toMatchObject({ type, message: expect.stringContaining('evaluate: said why') as string });
      expect(scripted.count('forgetEvaluation')).toBe(1);
      expect(scripted.count('startDeployment')).toBe(0);
    },
  );

  it('warns where what it left could not be removed, and ends all the same', async () => {
    const scripted = script({ forgetEvaluation: async () => Promise.reject(raise('AccessDenied', 's3:DeleteObject')) });
    const { result } = await play(scripted, input());
    expect(result?.outcome).toBe('Deployed');
    expect(result?.warnings).toEqual([expect.stringContaining('s3:DeleteObject')]);
  });

  it('does not evaluate files that changed while it trained', async () => {
    const scripted = script({ confirmFiles: async () => ({ changed: 1, removed: 0 }) });
    const { failure } = await play(scripted, input());
    expect(failure).toMatchObject({ type: 'DataChanged' });
    expect(scripted.count('scoreModels')).toBe(0);
    expect(scripted.count('forgetEvaluation')).toBe(1);
  });
});

describe('a run whose files changed', () => {
  it('fails only once the transform job that it was making is known, so that it can be stopped', async () => {
    let made = false;
    const forgotten: boolean[] = [];
    const { activities } = script();
    const scripted = script({
      confirmFiles: async () => ({ changed: 1, removed: 0 }),
      startEvaluation: async (given) => {
        await expect.poll(() => scripted.count('confirmFiles')).toBe(1);
        if (!made) {
          made = true;
          throw raise('ServiceUnavailable', 'sorry', '2s');
        }
        return activities.startEvaluation(given);
      },
      forgetEvaluation: async () => {
        forgotten.push(scripted.count('startEvaluation') === 2);
        return { removed: 0, warnings: [] };
      },
    });
    const { failure } = await play(scripted, input());
    expect(failure).toMatchObject({ type: 'DataChanged' });
    expect(forgotten).toEqual([true]);
  });
});

describe('a run whose live model changes while it waits for the endpoint', () => {
  function changing(times: number, live: object = {}) {
    let changes = 0;
    const rounds: number[] = [];
    const { activities } = script();
    const scripted = script({
      ...scored({}, live),
      startEvaluation: async (given) => {
        rounds.push(given.round);
        return { ...(await activities.startEvaluation(given)), liveConfig: `config-${given.round}` };
      },
      startDeployment: async (given) => {
        if ((changes += 1) <= times) throw raise('LiveChanged', `not ${given.judgedAgainst} but another is live`);
        return activities.startDeployment(given);
      },
    });
    return { scripted, rounds };
  }

  it('is judged again, against what is live now, and deployed', async () => {
    const { scripted, rounds } = changing(1);
    const { result } = await play(scripted, input());
    expect(result?.outcome).toBe('Deployed');
    expect(rounds).toEqual([1, 2]);
    expect(scripted.outcomes[0]?.evaluation?.liveConfig).toBe('config-2');
    expect(scripted.count('rollBack')).toBe(0);
  });

  it('is rejected if that one is better', async () => {
    const { scripted } = changing(1);
    const { activities } = script();
    const better = script({
      ...scripted.activities,
      scoreModels: async (given) => {
        const happy = await activities.scoreModels(given);
        const isSecond = given.started.liveConfig === 'config-2';
        return isSecond && happy.live ? { ...happy, live: { ...happy.live, metrics: { rmse: 0.5 } } } : happy;
      },
    });
    const { result } = await play(better, input());
    expect(result).toMatchObject({ outcome: 'Rejected', reason: expect.stringContaining('0.5') as string });
    expect(better.count('rollBack')).toBe(0);
  });

  it('gives up after three, with nothing touched', async () => {
    const { scripted, rounds } = changing(9);
    const { failure } = await play(scripted, input());
    expect(failure).toMatchObject({ type: 'LiveChanged' });
    expect(rounds).toEqual([1, 2, 3]);
    expect(scripted.count('rollBack')).toBe(0);
  });
});

describe('a run that needs a person', () => {
  // One each: an update of the test server may hang once days were skipped.
  const shared = { env: undefined as TestWorkflowEnvironment | undefined };
  beforeEach(async () => {
    shared.env = env;
    env = await timeSkippingEnvironment();
  });
  afterEach(async () => {
    await env.teardown();
    if (shared.env) env = shared.env;
  });

  const asks = { approval: 'required', approvalTimeout: '40d' } as const;
  const DAYS = 86_400_000;

  const asked = (handle: WorkflowHandle) =>
    expect
      .poll(
        () =>
          env.client
            .withDeadline(Date.now() + 5_000, () => handle.query<RunProgress>('progress'))
            .then(({ decideBy }) => decideBy),
        { timeout: 45_000 },
      )
      .toBeDefined();

  const decide = (handle: WorkflowHandle, decision: Decision) =>
    handle.executeUpdate<unknown, [Decision]>('decide', { args: [decision] });

  it('waits, asks in Slack with the numbers, and deploys when approved; no second word counts', async () => {
    const scripted = script();
    const { result, events } = await play(scripted, input(asks), async (handle) => {
      await asked(handle);
      await decide(handle, { approve: true, by: 'ada', note: 'seen' });
      await expect(decide(handle, { approve: false, by: 'bob' })).rejects.toThrow(WorkflowUpdateFailedError);
    });
    expect(result?.outcome).toBe('Deployed');
    expect(result?.evaluation?.approval).toMatchObject({ decision: 'approved', by: 'ada', note: 'seen' });
    const question = scripted.notices.find(({ kind }) => kind === 'approval');
    expect(question).toMatchObject({ stage: 'gate', evaluation: { candidate: { metrics: { rmse: 1 } } } });
    expect(question?.next).toContain('perennial approve retrain/example/');
    expect(question?.decideBy).toBeDefined();
    expect(events).toBeLessThanOrEqual(150);
  });

  it('waits 30 days without a new event', async () => {
    const scripted = script();
    let before: number | undefined = 0;
    let after: number | undefined = 0;
    const { result } = await play(scripted, input(asks), async (handle) => {
      await asked(handle);
      await expect.poll(() => scripted.notices.some(({ kind }) => kind === 'approval')).toBe(true);
      before = (await handle.fetchHistory()).events?.length;
      await env.sleep(30 * DAYS);
      after = (await handle.fetchHistory()).events?.length;
      await decide(handle, { approve: false, by: 'ada', note: 'not now' });
    });
    // What was under way when it was asked, Slack's answer, may still come in.
    expect((after ?? 0) - (before ?? 0)).toBeLessThanOrEqual(6);
    expect(result).toMatchObject({ outcome: 'Rejected', reason: 'rejected by ada: not now' });
  });

  it('is rejected when nobody decides in time', async () => {
    const scripted = script();
    const { result } = await play(scripted, input(asks));
    expect(result).toMatchObject({ outcome: 'Rejected', reason: 'nobody decided within 40d' });
    expect(result?.evaluation?.approval).toMatchObject({ decision: 'timed out' });
    expect(scripted.count('startDeployment')).toBe(0);
  });

  it('asks nobody about a candidate that the gate rejects, nor about one that is not to be deployed', async () => {
    for (const [overrides, request, outcome] of [
      [scored(worse), {}, 'Rejected'],
      [{}, { noDeploy: true }, 'Trained'],
    ] as const) {
      const scripted = script(overrides);
      const { result } = await play(scripted, input(asks, request));
      expect(result?.outcome).toBe(outcome);
      expect(scripted.notices.some(({ kind }) => kind === 'approval')).toBe(false);
    }
  });

  it('takes no decision while it asks nobody', async () => {
    let refusal: unknown;
    const scripted = script();
    await play(scripted, input(), async (handle) => {
      refusal = await decide(handle, { approve: true, by: 'ada' }).catch((error: unknown) => error);
    });
    expect(refusal).toBeInstanceOf(Error);
  });
});
