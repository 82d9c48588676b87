import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { vi } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import { runId } from '../../contracts/names.js';
import type { RunInput, RunRequest } from '../../contracts/runs.js';
import { exampleDefinition } from '../support/definitions.js';
import { raise, script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';
import { entityWithEvents } from './events-scenario.js';
import { cancelledAtTheLock } from './lock-scenario.js';

/** Plays one path of a workflow and answers with the handle of the finished execution, whose history is what gets recorded. */
export type Scenario = (servers: Servers) => Promise<WorkflowHandle>;

export interface Servers {
  readonly skipping: TestWorkflowEnvironment;
  readonly live: TestWorkflowEnvironment;
}

const RUN_TIME = '2026-01-01T00:00:00.000Z';

interface Path {
  readonly overrides?: Partial<Activities>;
  readonly request?: Partial<RunRequest>;
  /** Activity during which the run is cancelled: it is under way until then, and answers as usual afterwards. */
  readonly cancelIn?: keyof Activities;
  /** When that activity is tried again, where the run waits for it in spite of the cancel. */
  readonly again?: string;
}

const updated: Partial<Activities> = {
  startDeployment: async () => ({
    modelName: 'example-new',
    endpoint: 'example',
    endpointConfig: 'example-new',
    action: 'updated',
    previousConfig: 'example-old',
  }),
};

const EARLIER = 'retrain/example/2025-12-31T00:00:00.000Z';

/** An earlier run whose training job still runs, or that had come to none. */
function takingUp(trainingJob: string | undefined): Partial<Activities> {
  return {
    takeUp: async (input) => {
      const { job, ...checked } = await script().activities.takeUp(input);
      if (!job || trainingJob === undefined) return checked;
      const { image, instanceType } = job;
      return { ...checked, job: { trainingJob, image, instanceType } };
    },
  };
}

function retrain({ overrides, request, cancelIn, again = '60s' }: Path): Scenario {
  return ({ skipping, live }) => {
    const env = cancelIn ? live : skipping;
    const happy = script(overrides).activities as unknown as Record<string, (input: unknown) => Promise<unknown>>;
    let cancelled = false;
    const underWay = async (input: unknown) =>
      cancelled ? happy[cancelIn ?? '']?.(input) : Promise.reject(raise('InProgress', 'under way', again));
    const scripted = script({ ...overrides, ...(cancelIn ? { [cancelIn]: underWay } : {}) });
    const definition = exampleDefinition({
      training: { algorithm: 'linear-learner', instances: ['ml.m5.large', 'ml.m5.xlarge'] },
    });
    const input: RunInput = {
      runTime: RUN_TIME,
      definition,
      request: { trigger: 'manual', ...request },
      entity: false,
    };
    return withWorker(env, scripted.activities, async (taskQueue) => {
      const handle = await env.client.workflow.start('retrain', {
        taskQueue,
        workflowId: runId(definition.name, RUN_TIME),
        args: [input],
      });
      if (cancelIn) {
        await vi.waitUntil(() => scripted.count(cancelIn) > 0, { timeout: 10_000 });
        cancelled = true;
        await handle.cancel();
      }
      await handle.result().catch(() => undefined);
      return handle;
    });
  };
}

/** An entity through its life: a run, wishes that merge behind it, a new definition, a deletion of the endpoint, retirement. */
const entity: Scenario = ({ live: env }) => {
  let open = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    open = resolve;
  });
  const scripted = script({
    awaitTrainingJob: async ({ trainingJob }) => {
      await held;
      return { trainingJob, artifactUri: 's3://b/m', metrics: [], billableSeconds: 1 };
    },
  });
  const definition = exampleDefinition({ name: 'entity' });
  return withWorker(env, scripted.activities, async (taskQueue) => {
    const handle = await env.client.workflow.start('model', {
      taskQueue,
      workflowId: 'model/entity',
      args: [{ name: 'entity', definition }],
    });
    await handle.executeUpdate('requestRun', { args: [{ trigger: 'manual' }] });
    await handle.signal('runWanted', { trigger: 'schedule', nominalDate: '2026-01-02' });
    await handle.executeUpdate('requestRun', { args: [{ trigger: 'manual', force: true }] });
    await handle.executeUpdate('apply', { args: [exampleDefinition({ name: 'entity', waiting: { poll: '30s' } })] });
    const { workflowId } = await handle.executeUpdate<{ workflowId: string }, []>('deleteEndpoint');
    await env.client.workflow.getHandle(workflowId).result();
    await handle.signal('retire');
    open();
    await handle.result();
    return handle;
  });
};

/** One path of each kind; its name is its file's. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'retrain-first-deployment': retrain({}),
  'retrain-update': retrain({ overrides: updated }),
  'retrain-no-new-data': retrain({
    overrides: {
      checkData: async () => ({
        news: false,
        reasons: ['nothing changed'],
        files: 3,
        bytes: 3,
        added: 0,
        changed: 0,
        removed: 0,
        dataHash: 'd',
        definitionHash: 'e',
        channels: [],
      }),
    },
  }),
  'retrain-no-deploy': retrain({ request: { noDeploy: true, force: true } }),
  'retrain-long-training': retrain({
    overrides: {
      awaitTrainingJob: (() => {
        let polls = 0;
        return async ({ trainingJob }: { trainingJob: string }) => {
          if ((polls += 1) < 50) throw raise('InProgress', 'InProgress: Training', '60s');
          return { trainingJob, artifactUri: 's3://b/m', metrics: [], billableSeconds: 1 };
        };
      })(),
    },
  }),
  'retrain-access-denied': retrain({
    overrides: { checkData: async () => Promise.reject(raise('AccessDenied', 's3:ListBucket')) },
  }),
  'retrain-training-failed': retrain({
    overrides: { awaitTrainingJob: async () => Promise.reject(raise('TrainingFailed', 'AlgorithmError')) },
  }),
  'retrain-training-stopped': retrain({
    overrides: { awaitTrainingJob: async () => Promise.reject(raise('TrainingStopped', 'stopped')) },
  }),
  'retrain-training-wait-timed-out': retrain({
    overrides: { awaitTrainingJob: async () => Promise.reject(raise('InProgress', 'Starting', '1h')) },
  }),
  'retrain-capacity-fallback': retrain({
    overrides: {
      startTraining: async ({ attempt }) => {
        if (attempt === 0) throw raise('NoCapacity', 'CapacityError');
        return { trainingJob: 'job-2', image: 'i', instanceType: 'ml.m5.xlarge', attached: false, warnings: [] };
      },
    },
  }),
  'retrain-data-changed': retrain({ overrides: { confirmFiles: async () => ({ changed: 1, removed: 0 }) } }),
  'retrain-silent-rollback': retrain({
    overrides: { ...updated, awaitEndpoint: async () => Promise.reject(raise('DeploymentRolledBack', 'old config')) },
  }),
  'retrain-smoke-test-failed': retrain({
    overrides: { ...updated, smokeTest: async () => Promise.reject(raise('SmokeTestFailed', '500')) },
  }),
  'retrain-first-endpoint-failed': retrain({
    overrides: { awaitEndpoint: async () => Promise.reject(raise('EndpointFailed', 'no /ping')) },
  }),
  'retrain-slack-and-ledger-out': retrain({
    overrides: {
      notifySlack: async () => Promise.reject(raise('SlackUnavailable', 'timed out')),
      indexRun: async () => Promise.reject(raise('LedgerUnavailable', 'refused')),
    },
  }),
  'retrain-cancelled-in-training': retrain({ cancelIn: 'awaitTrainingJob' }),
  'retrain-cancelled-in-check': retrain({ cancelIn: 'checkData' }),
  'retrain-cancelled-in-create': retrain({ cancelIn: 'startTraining' }),
  'retrain-cancelled-in-file-check': retrain({ cancelIn: 'confirmFiles' }),
  'retrain-cancelled-at-the-lock': cancelledAtTheLock,
  'retrain-cancelled-in-update': retrain({ overrides: updated, cancelIn: 'startDeployment' }),
  'retrain-cancelled-in-smoke-test': retrain({ overrides: updated, cancelIn: 'smokeTest' }),
  'retrain-cancelled-too-late': retrain({ cancelIn: 'recordOutcome', again: '200ms' }),
  'retrain-cancelled-in-deployment': retrain({ overrides: updated, cancelIn: 'awaitEndpoint' }),
  'retrain-resumed': retrain({ overrides: updated, request: { resume: EARLIER } }),
  'retrain-resumed-in-training': retrain({ overrides: takingUp('job-1'), request: { resume: EARLIER } }),
  'retrain-resumed-before-training': retrain({ overrides: takingUp(undefined), request: { resume: EARLIER } }),
  'retrain-resume-refused': retrain({
    overrides: { takeUp: async () => Promise.reject(raise('DataChanged', '1 files changed')) },
    request: { resume: EARLIER },
  }),
  'model-life': entity,
  'model-events': entityWithEvents,
};
