import type { Activities } from '../../contracts/activities.js';
import { exampleDefinition } from '../support/definitions.js';
import { NO_NEWS, raise, script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';
import { UNPROVEN, change } from './change-scenario.js';
import { EVALUATIONS } from './evaluation-scenarios.js';
import { entityWithEvents } from './events-scenario.js';
import { cancelledAtTheLock } from './lock-scenario.js';
import { retrain, type Scenario } from './run-scenario.js';
import { PREPARATIONS } from './prepare-scenarios.js';
import { PURGES } from './purge-scenarios.js';
import { UPKEEP } from './upkeep-scenarios.js';
import { declaredStorage } from './storage-scenario.js';
import { TRANSFORMS } from './transform-scenarios.js';

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
      checkData: async () => NO_NEWS,
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
  ...EVALUATIONS,
  ...PREPARATIONS,
  ...TRANSFORMS,
  ...PURGES,
  ...UPKEEP,
  'change-rollback': change('rollback'),
  'change-rollback-failed': change('rollback', { overrides: UNPROVEN }),
  'change-rollback-cancelled': change('rollback', { cancelled: true }),
  'change-deploy': change('deploy'),
  'model-change': change('rollback', { of: 'entity' }),
  'model-life': entity,
  'model-events': entityWithEvents,
  'storage-life': declaredStorage,
};
