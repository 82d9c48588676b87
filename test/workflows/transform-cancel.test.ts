import type { WorkflowFailedError, WorkflowHandle } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import { MESSAGES, WORKFLOWS } from '../../contracts/runs.js';
import { transformId, type TransformProgress } from '../../contracts/transforms.js';
import { devServerEnvironment } from '../support/dev-server.js';
import { exampleDefinition } from '../support/definitions.js';
import { raise, script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await devServerEnvironment();
});
afterAll(() => env.teardown());

const definition = exampleDefinition({
  name: `cancel-transform-${process.pid}`,
  transforms: [{ input: 's3://bucket/rows/', output: 's3://bucket/daily/' }],
});
let times = 0;

/** Plays a transform and cancels it while `during` is at work, which then ends as scripted. */
async function cancelDuring(during: keyof Activities, overrides: Partial<Activities> = {}) {
  let handle: WorkflowHandle | undefined;
  let cancelled = false;
  const happy = script(overrides).activities as unknown as Record<string, (input: unknown) => Promise<unknown>>;
  const scripted = script({
    ...overrides,
    [during]: async (input: unknown) => {
      if (!cancelled) {
        cancelled = true;
        await handle?.cancel();
      }
      return happy[during]?.(input);
    },
  });
  const time = new Date(Date.now() + (times += 1)).toISOString();
  return withWorker(env, scripted.activities, async (taskQueue) => {
    handle = await env.client.workflow.start(WORKFLOWS.transform, {
      taskQueue,
      workflowId: transformId(definition.name, 'daily', time),
      args: [{ definition, transform: definition.transforms[0], time }],
    });
    const end: unknown = await handle.result().catch((error: unknown) => (error as WorkflowFailedError).cause);
    return { scripted, end, progress: await handle.query<TransformProgress>(MESSAGES.progress) };
  });
}

describe('a transform that is cancelled', () => {
  it('while its create is answered: stops that job, and tells nobody', async () => {
    const { end, scripted, progress } = await cancelDuring('startTransform');
    expect(end).toBeInstanceOf(CancelledFailure);
    expect(scripted.calls).toEqual(['findLiveModel', 'startTransform', 'stopTransform']);
    expect(progress).toMatchObject({ state: 'Cancelled', reason: 'cancelled on request' });
  });

  it('while a create whose answer was lost is tried again: stops the job all the same', async () => {
    const { end, scripted } = await cancelDuring('startTransform', {
      startTransform: async () => Promise.reject(raise('NetworkError', 'socket hang up', '30s')),
    });
    expect(end).toBeInstanceOf(CancelledFailure);
    expect(scripted.count('stopTransform')).toBe(1);
  });

  it('while its job runs: waits until the job has stopped', async () => {
    let looks = 0;
    const { end, scripted, progress } = await cancelDuring('awaitTransform', {
      awaitTransform: async () => Promise.reject(raise('InProgress', 'InProgress for 1 min', '60s')),
      stopTransform: async () => {
        looks += 1;
        if (looks < 3) throw raise('InProgress', 'Stopping: asked to stop', '10ms');
        return { status: 'Stopped' };
      },
    });
    expect(end).toBeInstanceOf(CancelledFailure);
    expect(looks).toBe(3);
    expect(scripted.count('countAnswers')).toBe(0);
    expect(progress.notes.at(-1)).toMatch(/is Stopped$/);
  });
});
