import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import { SEARCH_ATTRIBUTES } from '../../contracts/names.js';
import { MESSAGES, WORKFLOWS } from '../../contracts/runs.js';
import { transformId, type TransformInput, type TransformProgress } from '../../contracts/transforms.js';
import { exampleDefinition } from '../support/definitions.js';
import { raise, script } from '../support/scripted-activities.js';
import { timeSkippingEnvironment, withWorker } from '../support/time-skipping.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await timeSkippingEnvironment();
});
afterAll(() => env.teardown());

const definition = exampleDefinition({
  transforms: [{ input: 's3://bucket/rows/', output: 's3://bucket/daily/', maxWait: '5d' }],
});
const [transform] = definition.transforms as [TransformInput['transform']];
let times = 0;

/** Plays a transform that a person started; answers with how it ended and what is to be seen of it after. */
async function play(overrides: Partial<Activities> = {}, more: Partial<TransformInput> = {}) {
  const scripted = script(overrides);
  const time = new Date(Date.UTC(2026, 0, 15) + (times += 1)).toISOString();
  return withWorker(env, scripted.activities, async (taskQueue) => {
    const handle = await env.client.workflow.start(WORKFLOWS.transform, {
      taskQueue,
      workflowId: transformId('example', 'daily', time),
      args: [{ definition, transform, time, ...more }],
    });
    const end: unknown = await handle.result().catch((error: unknown) => (error as WorkflowFailedError).cause);
    const progress = await handle.query<TransformProgress>(MESSAGES.progress);
    const { searchAttributes, historyLength } = await handle.describe();
    return { scripted, end, progress, searchAttributes, historyLength, time };
  });
}

describe('a transform', () => {
  it('asks the live model, and says where the answers are', async () => {
    const { end, scripted, progress, searchAttributes, time } = await play();
    const compact = time.replaceAll(/[-:.]/g, '');
    expect(end).toMatchObject({
      outcome: 'Completed',
      model: 'example',
      name: 'daily',
      transformJob: `example-${compact}-t1`,
      modelName: 'example-live',
      run: 'retrain/example/2026-01-01T00:00:00.000Z',
      inputUri: 's3://bucket/rows/',
      outputUri: `s3://bucket/daily/${time.replaceAll(/[:.]/g, '')}/`,
      objects: 2,
      bytes: 20,
      warnings: [],
    });
    expect(scripted.calls).toEqual(['findLiveModel', 'startTransform', 'awaitTransform', 'countAnswers']);
    expect(progress).toMatchObject({ state: 'Completed' });
    expect(progress.notes[0]).toBe('model `example-live`, live on endpoint example');
    expect(searchAttributes).toMatchObject({
      [SEARCH_ATTRIBUTES.model]: ['example'],
      [SEARCH_ATTRIBUTES.outcome]: ['Completed'],
    });
  });

  it('waits four days for its job without growing its history', async () => {
    const began = await env.currentTimeMs();
    const { end, historyLength, scripted } = await play({
      awaitTransform: async () => {
        if ((await env.currentTimeMs()) - began < 4 * 86_400_000) throw raise('InProgress', 'InProgress for 3 h', '3h');
      },
    });
    expect(end).toMatchObject({ outcome: 'Completed' });
    expect((end as { seconds: number }).seconds).toBeGreaterThan(4 * 86_400);
    expect(scripted.count('awaitTransform')).toBeGreaterThan(30);
    expect(historyLength).toBeLessThan(40);
  });

  it('fails with the reason of its job, which Slack is told, and stops nothing that has ended', async () => {
    const { end, scripted, progress } = await play({
      awaitTransform: async () => Promise.reject(raise('TransformFailed', 'Transform job x failed: rows.csv: 500')),
    });
    expect(end).toBeInstanceOf(ApplicationFailure);
    expect(end).toMatchObject({ type: 'TransformFailed', message: 'Transform job x failed: rows.csv: 500' });
    expect(scripted.count('stopTransform')).toBe(0);
    expect(progress).toMatchObject({ state: 'Failed', reason: 'Transform job x failed: rows.csv: 500' });
    expect(scripted.notices).toMatchObject([
      {
        kind: 'ended',
        subject: 'batch transform daily',
        outcome: 'Failed',
        failureType: 'TransformFailed',
        reason: 'Transform job x failed: rows.csv: 500',
      },
    ]);
  });

  it('stops a job that takes longer than it may', async () => {
    const { end, scripted } = await play(
      { awaitTransform: async () => Promise.reject(raise('InProgress', 'InProgress for 5 min', '1m')) },
      { transform: { ...transform, maxWait: '1h' } },
    );
    expect(end).toMatchObject({
      type: 'WaitTimedOut',
      message: 'gave up waiting; last seen: InProgress for 5 min',
    });
    expect(scripted.count('stopTransform')).toBe(1);
  });

  it('stops a job whose create was answered by nobody', async () => {
    const { end, scripted, progress } = await play({
      startTransform: async () => Promise.reject(raise('QuotaExceeded', 'no instances')),
    });
    expect(end).toMatchObject({ type: 'QuotaExceeded' });
    expect(scripted.count('stopTransform')).toBe(1);
    expect(progress.notes.at(-1)).toMatch(/^transform job `example-.*-t1` is Stopped$/);
  });

  it('leaves a job alone that bears its name and that somebody else made', async () => {
    const { end, scripted } = await play({
      startTransform: async () => Promise.reject(raise('NameConflict', 'Transform job x exists')),
    });
    expect(end).toMatchObject({ type: 'NameConflict' });
    expect(scripted.count('stopTransform')).toBe(0);
  });

  it('makes no job where there is no model', async () => {
    const { end, scripted } = await play({
      findLiveModel: async () => Promise.reject(raise('ResourceMissing', 'nothing to transform with')),
    });
    expect(end).toMatchObject({ type: 'ResourceMissing', message: 'nothing to transform with' });
    expect(scripted.calls).toEqual(['findLiveModel', 'notifySlack']);
  });

  it('is complete where its answers may not be listed, or Slack is out for a failed one', async () => {
    const { end } = await play({ countAnswers: async () => Promise.reject(raise('AccessDenied', 'no s3:ListBucket')) });
    expect(end).toMatchObject({ outcome: 'Completed', warnings: ['the answers were not counted: no s3:ListBucket'] });
    expect(end).not.toHaveProperty('objects');
    const { end: failed, progress } = await play({
      awaitTransform: async () => Promise.reject(raise('TransformStopped', 'stopped by somebody')),
      notifySlack: async () => Promise.reject(raise('SlackRefused', 'no such channel')),
    });
    expect(failed).toMatchObject({ type: 'TransformStopped' });
    expect(progress.warnings).toEqual(['Slack was not told: no such channel']);
  });
});
