import { WorkflowFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activities, ResumedJob } from '../../contracts/activities.js';
import { runId } from '../../contracts/names.js';
import type { RunInput, RunRequest, RunResult } from '../../contracts/runs.js';
import { exampleDefinition } from '../support/definitions.js';
import { raise, script, type Script } from '../support/scripted-activities.js';
import { timeSkippingEnvironment, withWorker } from '../support/time-skipping.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await timeSkippingEnvironment();
});
afterAll(() => env.teardown());

const FIRST = 'retrain/example/2025-12-31T00:00:00.000Z';
let runs = 0;

/** Plays a run that takes up another. */
async function play(
  scripted: Script,
  request: Partial<RunRequest> = {},
): Promise<{ run: string; result?: RunResult; failure?: unknown; events: number }> {
  const runTime = new Date(Date.UTC(2026, 0, 1) + (runs += 1)).toISOString();
  const instances = ['ml.m5.large', 'ml.m5.xlarge'] as const;
  const input: RunInput = {
    runTime,
    definition: exampleDefinition({ training: { algorithm: 'linear-learner', instances: [...instances] } }),
    request: { trigger: 'manual', resume: FIRST, ...request },
    entity: false,
  };
  const run = runId('example', runTime);
  return withWorker(env, scripted.activities, async (taskQueue) => {
    const handle = await env.client.workflow.start('retrain', { taskQueue, workflowId: run, args: [input] });
    const ended = await handle.result().then(
      (result: RunResult) => ({ result }),
      (error: unknown) => {
        if (error instanceof WorkflowFailedError) return { failure: error.cause };
        throw error;
      },
    );
    return { run, ...ended, events: (await handle.fetchHistory()).events?.length ?? 0 };
  });
}

/** What `takeUp` answers with a job like this in place of the completed one. */
function takingUp(job: ResumedJob | undefined): Partial<Activities> {
  const { activities } = script();
  return {
    takeUp: async (input) => {
      const { job: _completed, ...checked } = await activities.takeUp(input);
      return job ? { ...checked, job } : checked;
    },
  };
}

const running: ResumedJob = { trainingJob: 'job-1', image: 'image:1', instanceType: 'ml.m5.large' };
const imageDigest = `sha256:${'ab'.repeat(32)}`;
const stagesOf = ({ calls }: Script) => calls.filter((name) => name !== 'notifySlack').slice(0, 5);

describe('a run that takes up another', () => {
  it('records the image of the job that it takes up, whether that runs or has completed', async () => {
    const completed = { trainingJob: 'job-1', artifactUri: 's3://b/model.tar.gz', metrics: [], billableSeconds: 60 };
    for (const job of [running, { ...running, ended: completed }]) {
      const scripted = script(takingUp({ ...job, imageDigest }));
      await play(scripted);
      expect(scripted.outcomes).toMatchObject([{ trainingJob: 'job-1', image: 'image:1', imageDigest }]);
      expect(scripted.outcomes[0]).not.toHaveProperty('ended');
    }
  });

  it('deploys a model that was trained already, in fewer events', async () => {
    const scripted = script();
    const { result, events } = await play(scripted);
    expect(result).toMatchObject({ outcome: 'Deployed', trainingJob: 'job-1', warnings: [] });
    expect(stagesOf(scripted)).toEqual(['takeUp', 'confirmFiles', 'startDeployment', 'awaitEndpoint', 'smokeTest']);
    expect(Object.keys(result?.stages ?? {})).toEqual(['check data', 'deploy', 'record']);
    expect(scripted.outcomes).toMatchObject([{ resumes: FIRST, image: 'image:1', instanceType: 'ml.m5.large' }]);
    expect(scripted.notices.map(({ kind, request }) => [kind, request.resume])).toEqual([
      ['deploying', FIRST],
      ['ended', FIRST],
    ]);
    expect(events).toBeLessThanOrEqual(80);
  });

  it('waits for a job that trains still', async () => {
    const scripted = script(takingUp(running));
    const { result, events } = await play(scripted);
    expect(result).toMatchObject({ outcome: 'Deployed', trainingJob: 'job-1' });
    expect(stagesOf(scripted).slice(0, 3)).toEqual(['takeUp', 'awaitTrainingJob', 'confirmFiles']);
    expect(scripted.count('startTraining')).toBe(0);
    expect(events).toBeLessThanOrEqual(100);
  });

  it('trains itself where that job gets no capacity', async () => {
    let first = true;
    const { result } = await play(
      script({
        ...takingUp(running),
        awaitTrainingJob: async ({ trainingJob }) => {
          if (trainingJob === 'job-1') throw raise('NoCapacity', 'CapacityError');
          expect(first).toBe(true);
          first = false;
          return { trainingJob, artifactUri: 's3://b/m', metrics: [], billableSeconds: 1 };
        },
      }),
    );
    expect(result).toMatchObject({ outcome: 'Deployed', instanceType: 'ml.m5.large' });
    expect(result?.trainingJob).toMatch(/^example-20260101T\d+Z-1$/);
    expect(result?.warnings).toEqual([expect.stringContaining('no capacity')]);
  });

  it('trains where there is no job of use, within 100 events', async () => {
    const scripted = script(takingUp(undefined));
    const { result, events } = await play(scripted);
    expect(result?.outcome).toBe('Deployed');
    expect(stagesOf(scripted).slice(0, 3)).toEqual(['takeUp', 'startTraining', 'awaitTrainingJob']);
    expect(events).toBeLessThanOrEqual(100);
  });

  it('stops the job that it waited for when it gives up', async () => {
    const stopped: string[] = [];
    const { failure } = await play(
      script({
        ...takingUp(running),
        awaitTrainingJob: async () => Promise.reject(raise('InProgress', 'Starting', '1h')),
        stopTrainingJob: async ({ trainingJob }) => {
          stopped.push(trainingJob);
          return { status: 'Stopped' };
        },
      }),
    );
    expect(failure).toMatchObject({ type: 'WaitTimedOut' });
    expect(stopped).toEqual(['job-1']);
  });

  it('fails with the refusal, and can be resumed itself', async () => {
    const scripted = script({ takeUp: async () => Promise.reject(raise('DataChanged', '1 files changed')) });
    const { failure } = await play(scripted);
    expect(failure).toMatchObject({ type: 'DataChanged' });
    expect(scripted.outcomes).toMatchObject([{ outcome: 'Failed', resumes: FIRST }]);
    expect(scripted.notices.at(-1)?.next).toBeUndefined();
  });
});

describe('a run that fails', () => {
  it('after its training says how it is resumed, in Slack and in the UI', async () => {
    const scripted = script({ smokeTest: async () => Promise.reject(raise('SmokeTestFailed', 'answered 500')) });
    const { run } = await play(scripted);
    expect(scripted.notices.at(-1)?.next).toBe(`\`perennial resume ${run}\` goes on without a second training`);
  });

  it('and whose config and model can’t be removed warns about them, and fails for its own reason', async () => {
    const scripted = script({
      awaitEndpoint: async () => Promise.reject(raise('DeploymentRolledBack', 'back on old')),
      discardDeployment: async () => Promise.reject(raise('AccessDenied', 'sagemaker:DeleteModel is missing')),
    });
    const { failure } = await play(scripted);
    expect(failure).toMatchObject({ type: 'DeploymentRolledBack' });
    expect(scripted.count('rollBack')).toBe(0);
    expect(scripted.outcomes[0]?.warnings).toEqual([
      expect.stringMatching(/may still be there, `perennial orphans` lists them: sagemaker:DeleteModel is missing$/),
    ]);
  });

  it('and whose endpoint did not come back says so', async () => {
    const scripted = script({
      smokeTest: async () => Promise.reject(raise('SmokeTestFailed', 'answered 500')),
      rollBack: async () => ({ action: 'restored', config: 'old' }),
      discardDeployment: async () => Promise.reject(raise('EndpointFailed', 'UpdateRollbackFailed')),
    });
    await play(scripted);
    expect(scripted.outcomes[0]?.warnings).toEqual([
      expect.stringMatching(/may be on example-.*, which is not proven, instead of .*: UpdateRollbackFailed$/),
    ]);
  });
});
