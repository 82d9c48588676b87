import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { input, play, scored, worse } from '../support/evaluated-runs.js';
import { raise, script } from '../support/scripted-activities.js';
import { timeSkippingEnvironment } from '../support/time-skipping.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await timeSkippingEnvironment();
});
afterAll(() => env.teardown());

describe('a run that evaluates', () => {
  it('judges before it deploys, says the figures, and stays within 140 events', async () => {
    const scripted = script();
    const { result, events } = await play(env, scripted, input());
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
    const { result } = await play(env, scripted, input());
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
    const { result } = await play(env, scripted, input({}, { noDeploy: true }));
    expect(result).toMatchObject({ outcome: 'Trained' });
    expect(result?.reason).toContain('the gate would reject it');
    expect(scripted.count('forgetEvaluation')).toBe(1);
  });

  it.each(['TransformFailed', 'TransformStopped', 'DataInvalid'] as const)(
    'fails with %s, and cleans up',
    async (type) => {
      const at = type === 'DataInvalid' ? 'scoreModels' : 'awaitTransforms';
      const scripted = script({ [at]: async () => Promise.reject(raise(type, 'said why')) });
      const { failure } = await play(env, scripted, input());
      expect(failure).toMatchObject({ type, message: expect.stringContaining('evaluate: said why') as string });
      expect(scripted.count('forgetEvaluation')).toBe(1);
      expect(scripted.count('startDeployment')).toBe(0);
    },
  );

  it('warns where what it left could not be removed, and ends all the same', async () => {
    const scripted = script({ forgetEvaluation: async () => Promise.reject(raise('AccessDenied', 's3:DeleteObject')) });
    const { result } = await play(env, scripted, input());
    expect(result?.outcome).toBe('Deployed');
    expect(result?.warnings).toEqual([expect.stringContaining('s3:DeleteObject')]);
  });

  it('does not evaluate files that changed while it trained', async () => {
    const scripted = script({ confirmFiles: async () => ({ changed: 1, removed: 0 }) });
    const { failure } = await play(env, scripted, input());
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
    const { failure } = await play(env, scripted, input());
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
    const { result } = await play(env, scripted, input());
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
    const { result } = await play(env, better, input());
    expect(result).toMatchObject({ outcome: 'Rejected', reason: expect.stringContaining('0.5') as string });
    expect(better.count('rollBack')).toBe(0);
  });

  it('gives up after three, with nothing touched', async () => {
    const { scripted, rounds } = changing(9);
    const { failure } = await play(env, scripted, input());
    expect(failure).toMatchObject({ type: 'LiveChanged' });
    expect(rounds).toEqual([1, 2, 3]);
    expect(scripted.count('rollBack')).toBe(0);
  });
});
