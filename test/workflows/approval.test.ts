import { type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Decision } from '../../contracts/evaluation.js';
import type { RunProgress } from '../../contracts/runs.js';
import { input, play, scored, worse } from '../support/evaluated-runs.js';
import { script } from '../support/scripted-activities.js';
import { timeSkippingEnvironment } from '../support/time-skipping.js';

// One each: an update of the test server may hang once days were skipped.
let env: TestWorkflowEnvironment;
beforeEach(async () => {
  env = await timeSkippingEnvironment();
});
afterEach(() => env.teardown());

describe('a run that needs a person', () => {
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
    const { result, events } = await play(env, scripted, input(asks), async (handle) => {
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
    const { result } = await play(env, scripted, input(asks), async (handle) => {
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
    const { result } = await play(env, scripted, input(asks));
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
      const { result } = await play(env, scripted, input(asks, request));
      expect(result?.outcome).toBe(outcome);
      expect(scripted.notices.some(({ kind }) => kind === 'approval')).toBe(false);
    }
  });

  it('takes no decision while it asks nobody', async () => {
    let refusal: unknown;
    const scripted = script();
    await play(env, scripted, input(), async (handle) => {
      refusal = await decide(handle, { approve: true, by: 'ada' }).catch((error: unknown) => error);
    });
    expect(refusal).toBeInstanceOf(Error);
  });
});
