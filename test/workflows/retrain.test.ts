import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DefinitionInput } from '../../contracts/definition/index.js';
import { runId } from '../../contracts/names.js';
import type { RunInput, RunRequest, RunResult } from '../../contracts/runs.js';
import { devServerEnvironment } from '../support/dev-server.js';
import { exampleDefinition } from '../support/definitions.js';
import { NO_NEWS, raise, script, type Script } from '../support/scripted-activities.js';
import { timeSkippingEnvironment, withWorker } from '../support/time-skipping.js';

let env: TestWorkflowEnvironment;
let live: TestWorkflowEnvironment;
beforeAll(async () => {
  [env, live] = await Promise.all([timeSkippingEnvironment(), devServerEnvironment()]);
});
afterAll(async () => {
  await Promise.all([env.teardown(), live.teardown()]);
});

let runs = 0;

function input(request: Partial<RunRequest> = {}, definition: Partial<DefinitionInput> = {}): RunInput {
  const runTime = new Date(Date.UTC(2026, 0, 1) + (runs += 1)).toISOString();
  return {
    runTime,
    definition: exampleDefinition(definition),
    request: { trigger: 'manual', ...request },
    entity: false,
  };
}

async function play(scripted: Script, run: RunInput): Promise<{ result?: RunResult; failure?: Error; events: number }> {
  return withWorker(env, scripted.activities, async (taskQueue) => {
    const handle = await env.client.workflow.start('retrain', {
      taskQueue,
      workflowId: runId(run.definition.name, run.runTime),
      args: [run],
    });
    try {
      const result = (await handle.result()) as RunResult;
      return { result, events: (await handle.fetchHistory()).events?.length ?? 0 };
    } catch (error) {
      if (!(error instanceof WorkflowFailedError) || !error.cause) throw error;
      return { failure: error.cause, events: (await handle.fetchHistory()).events?.length ?? 0 };
    }
  });
}

describe('retrain', () => {
  it('deploys, records only after the verified deployment, and stays within 100 events', async () => {
    const scripted = script();
    const { result, events } = await play(scripted, input());
    expect(result).toMatchObject({ outcome: 'Deployed', files: 3, endpoint: 'example', warnings: [] });
    const calls = scripted.calls.filter((name) => name !== 'notifySlack');
    expect(calls.slice(0, 8)).toEqual([
      'checkData',
      'startTraining',
      'awaitTrainingJob',
      'confirmFiles',
      'startDeployment',
      'awaitEndpoint',
      'smokeTest',
      'recordOutcome',
    ]);
    expect(calls.slice(8).sort()).toEqual(['cleanUp', 'indexRun']);
    expect(scripted.notices.map((notice) => notice.kind)).toEqual(['training', 'deploying', 'ended']);
    expect(scripted.outcomes[0]).toMatchObject({ outcome: 'Deployed', billableSeconds: 60 });
    expect(events).toBeLessThanOrEqual(100);
  });

  it('keeps its history the same length however long the job trains', async () => {
    let polls = 0;
    const waiting = script({
      awaitTrainingJob: async ({ trainingJob }) => {
        if ((polls += 1) < 500) throw raise('InProgress', 'InProgress: Training', '60s');
        return { trainingJob, artifactUri: 's3://b/model.tar.gz', metrics: [], billableSeconds: 1 };
      },
    });
    const long = await play(waiting, input());
    expect(polls).toBe(500);
    expect(long.result?.outcome).toBe('Deployed');
    expect(long.events).toBeLessThanOrEqual(100);
  });

  it('ends as NoNewData without touching SageMaker or Slack', async () => {
    const scripted = script({
      checkData: async () => NO_NEWS,
    });
    const { result } = await play(scripted, input());
    expect(result).toMatchObject({ outcome: 'NoNewData', reason: 'nothing changed since 2026-01-01' });
    expect(scripted.calls).toEqual(['checkData', 'recordOutcome', 'indexRun']);
  });

  it('trains without deploying when asked to', async () => {
    const scripted = script();
    const { result } = await play(scripted, input({ noDeploy: true }));
    expect(result?.outcome).toBe('Trained');
    expect(scripted.count('startDeployment')).toBe(0);
    expect(scripted.outcomes.map((outcome) => outcome.outcome)).toEqual(['Trained']);
  });

  it('records which image it trained with, or why that is not known', async () => {
    const started = { trainingJob: 'job', image: 'i', instanceType: 'ml.m5.large', attached: false, warnings: [] };
    for (const identity of [{ imageDigest: `sha256:${'ab'.repeat(32)}` }, { imageDigestMissing: 'it is late' }]) {
      const scripted = script({ startTraining: async () => ({ ...started, ...identity }) });
      await play(scripted, input({ noDeploy: true }));
      expect(scripted.outcomes).toMatchObject([{ outcome: 'Trained', image: 'i', ...identity }]);
      expect(Object.keys(scripted.outcomes[0] ?? {}).filter((key) => key.startsWith('imageDigest'))).toEqual(
        Object.keys(identity),
      );
    }
  });

  it('goes down the list of instance types while there is no capacity', async () => {
    const scripted = script({
      startTraining: async ({ attempt }) => {
        if (attempt < 2) throw raise('NoCapacity', 'CapacityError: none');
        return { trainingJob: 'job', image: 'i', instanceType: 'ml.c5.xlarge', attached: false, warnings: [] };
      },
    });
    const instances = ['ml.m5.large', 'ml.m5.xlarge', 'ml.c5.xlarge'];
    const { result } = await play(scripted, input({}, { training: { algorithm: 'linear-learner', instances } }));
    expect(result).toMatchObject({ outcome: 'Deployed', instanceType: 'ml.c5.xlarge' });
    expect(result?.warnings).toHaveLength(2);
  });

  it('fails as CapacityExhausted when none of them has any', async () => {
    const scripted = script({
      awaitTrainingJob: async () => Promise.reject(raise('NoCapacity', 'CapacityError: none')),
    });
    const { failure } = await play(scripted, input());
    expect(failure).toMatchObject({ type: 'CapacityExhausted' });
    expect(scripted.count('stopTrainingJob')).toBe(0);
  });

  it.each(['TrainingFailed', 'TrainingStopped', 'TrainingTimedOut', 'UnknownStatus'] as const)(
    'fails red as %s, tells Slack why, records it, and leaves the endpoint alone',
    async (type) => {
      const scripted = script({
        awaitTrainingJob: async () => Promise.reject(raise(type, 'AlgorithmError: bad rows')),
      });
      const { failure } = await play(scripted, input());
      expect(failure).toBeInstanceOf(ApplicationFailure);
      expect(failure).toMatchObject({ type, message: 'await: AlgorithmError: bad rows' });
      expect(scripted.notices.at(-1)).toMatchObject({
        kind: 'ended',
        outcome: 'Failed',
        stage: 'await',
        reason: 'AlgorithmError: bad rows',
      });
      expect(scripted.outcomes).toMatchObject([{ outcome: 'Failed', failureType: type }]);
      expect(scripted.count('startDeployment')).toBe(0);
      // An unknown status may mean a running job; a job that has ended needs no stop.
      expect(scripted.count('stopTrainingJob')).toBe(type === 'UnknownStatus' ? 1 : 0);
    },
  );

  it('does not deploy a model whose files changed while it trained', async () => {
    const scripted = script({ confirmFiles: async () => ({ changed: 1, removed: 2 }) });
    const { failure } = await play(scripted, input());
    expect(failure).toMatchObject({ type: 'DataChanged' });
    expect(scripted.count('startDeployment')).toBe(0);
  });

  it('leaves a job alone that bears its name and that somebody else made', async () => {
    const scripted = script({
      startTraining: async () => Promise.reject(raise('NameConflict', 'Training job x exists')),
    });
    const { failure } = await play(scripted, input());
    expect(failure).toMatchObject({ type: 'NameConflict' });
    expect(scripted.count('stopTrainingJob')).toBe(0);
  });

  it('reads a silent rollback as a failure, and never moves the parameter', async () => {
    const scripted = script({
      awaitEndpoint: async () => Promise.reject(raise('DeploymentRolledBack', 'back on the old config')),
    });
    const { failure } = await play(scripted, input());
    expect(failure).toMatchObject({ type: 'DeploymentRolledBack' });
    expect(scripted.count('rollBack')).toBe(0);
    expect(scripted.outcomes.map((outcome) => outcome.outcome)).toEqual(['Failed']);
  });

  it('returns to the previous config when the smoke test fails', async () => {
    const back: unknown[] = [];
    const scripted = script({
      startDeployment: async () => ({
        modelName: 'm',
        endpoint: 'example',
        endpointConfig: 'new',
        action: 'updated',
        previousConfig: 'old',
      }),
      discardDeployment: async (input) => {
        back.push(input.back);
        return { removed: 2, warnings: [] };
      },
      smokeTest: async () => Promise.reject(raise('SmokeTestFailed', 'model answered 500')),
    });
    const { failure } = await play(scripted, input());
    expect(failure).toMatchObject({ type: 'SmokeTestFailed' });
    expect(back).toEqual([{ action: 'restored', config: 'old' }]);
    expect(scripted.outcomes.map((outcome) => outcome.outcome)).toEqual(['Failed']);
  });

  it('removes an endpoint that it created and that failed', async () => {
    const scripted = script({ awaitEndpoint: async () => Promise.reject(raise('EndpointFailed', 'no /ping')) });
    const { failure } = await play(scripted, input());
    expect(failure).toMatchObject({ type: 'EndpointFailed' });
    expect([scripted.count('rollBack'), scripted.count('discardDeployment')]).toEqual([1, 1]);
  });

  it('takes no harm from Slack, the ledger or the clean-up being out: each is a warning', async () => {
    const scripted = script({
      notifySlack: async () => Promise.reject(raise('SlackUnavailable', 'timed out')),
      indexRun: async () => Promise.reject(raise('LedgerUnavailable', 'connection refused')),
      cleanUp: async () => Promise.reject(raise('AccessDenied', 'sagemaker:DeleteModel')),
    });
    const { result } = await play(scripted, input());
    expect(result?.outcome).toBe('Deployed');
    expect(result?.warnings.map((line) => line.split(':')[0])).toEqual(
      expect.arrayContaining([
        'Slack was not told (training)',
        'the ledger lacks this run; `perennial ledger rebuild` adds it',
        'old endpoint configs and models were not removed',
      ]),
    );
  });

  it('tries only the newest message while Slack hangs, and is delayed by seconds', async () => {
    const tried: string[] = [];
    const scripted = script({
      notifySlack: async ({ notice }) => {
        tried.push(notice.kind);
        // Until the last message is posted, however slow the rest is.
        await vi.waitUntil(() => scripted.count('indexRun') > 0, { timeout: 30_000 });
        throw raise('SlackRefused', 'channel_not_found');
      },
    });
    const { result } = await play(scripted, input());
    expect(result?.outcome).toBe('Deployed');
    expect(tried).toEqual(['training', 'ended']);
    expect(result?.warnings).toHaveLength(2);
  });

  it('posts nothing where Slack is not configured', async () => {
    const scripted = script();
    await play(scripted, input({}, { notify: {} }));
    expect(scripted.notices).toEqual([]);
  });

  it('cancelled while it waits: stops the job, tells Slack, records it, ends as Cancelled', async () => {
    const scripted = script({
      awaitTrainingJob: async () => Promise.reject(raise('InProgress', 'InProgress: Training', '60s')),
    });
    await withWorker(live, scripted.activities, async (taskQueue) => {
      const run = input();
      const handle = await live.client.workflow.start('retrain', {
        taskQueue,
        workflowId: runId(run.definition.name, run.runTime),
        args: [run],
      });
      await expect.poll(() => scripted.count('awaitTrainingJob'), { timeout: 10_000 }).toBeGreaterThan(0);
      await handle.cancel();
      const failed = await handle.result().catch((error: unknown) => error);
      expect((failed as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
    });
    expect(scripted.count('stopTrainingJob')).toBe(1);
    expect(scripted.outcomes).toMatchObject([{ outcome: 'Cancelled', reason: 'cancelled on request during await' }]);
    expect(scripted.notices.at(-1)).toMatchObject({ kind: 'ended', outcome: 'Cancelled' });
  });

  it('answers what it is doing while it runs', async () => {
    const scripted = script({
      awaitTrainingJob: async () => Promise.reject(raise('InProgress', 'InProgress: Training', '60s')),
    });
    await withWorker(live, scripted.activities, async (taskQueue) => {
      const run = input();
      const handle = await live.client.workflow.start('retrain', {
        taskQueue,
        workflowId: runId(run.definition.name, run.runTime),
        args: [run],
      });
      await expect.poll(() => scripted.count('awaitTrainingJob'), { timeout: 10_000 }).toBeGreaterThan(0);
      expect(await handle.query('progress')).toMatchObject({
        stage: 'await',
        files: 3,
        notes: ['3 new files', expect.stringContaining('training job')],
      });
      await handle.terminate();
    });
  });
});
