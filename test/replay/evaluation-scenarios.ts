import type { WorkflowHandle } from '@temporalio/client';
import { vi } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import type { DefinitionInput } from '../../contracts/definition/index.js';
import type { Decision } from '../../contracts/evaluation.js';
import { MESSAGES, type RunProgress } from '../../contracts/runs.js';
import { raise, script } from '../support/scripted-activities.js';
import { retrain, type Scenario } from './run-scenario.js';

const evaluation: NonNullable<DefinitionInput['evaluation']> = {
  metric: 'rmse',
  holdout: 'P30D',
  gate: { max: 2, noWorseThanLive: 0.02 },
};
const asking = { ...evaluation, approval: 'required' } as const;

/** A candidate whose error is so large. */
const scoring = (rmse: number): Partial<Activities> => ({
  scoreModels: async (given) => {
    const happy = await script().activities.scoreModels(given);
    return { ...happy, candidate: { ...happy.candidate, metrics: { rmse } } };
  },
});

const decided = (decision: Decision) => async (handle: WorkflowHandle) => {
  const asks = async () => (await handle.query<RunProgress>(MESSAGES.progress)).decideBy !== undefined;
  await vi.waitUntil(asks, { timeout: 30_000 });
  await handle.executeUpdate(MESSAGES.decide, { args: [decision] });
};

const cancelled = async (handle: WorkflowHandle) => {
  const asks = async () => (await handle.query<RunProgress>(MESSAGES.progress)).decideBy !== undefined;
  await vi.waitUntil(asks, { timeout: 30_000 });
  await handle.cancel();
};

function liveChanges(): Partial<Activities> {
  let deployments = 0;
  return {
    startDeployment: async (given) => {
      deployments += 1;
      if (deployments === 1) throw raise('LiveChanged', 'another config is live');
      return script().activities.startDeployment(given);
    },
  };
}

/** Paths of a run that judges its candidate. */
export const EVALUATIONS: Readonly<Record<string, Scenario>> = {
  'retrain-evaluated': retrain({ evaluation }),
  'retrain-evaluated-without-deployment': retrain({ evaluation, request: { noDeploy: true } }),
  'retrain-rejected': retrain({ evaluation, overrides: scoring(3) }),
  'retrain-approved': retrain({ evaluation: asking, meanwhile: decided({ approve: true, by: 'ada' }) }),
  'retrain-rejected-by-a-person': retrain({
    evaluation: asking,
    meanwhile: decided({ approve: false, by: 'ada', note: 'not now' }),
  }),
  'retrain-nobody-decided': retrain({ evaluation: asking }),
  'retrain-live-changed': retrain({ evaluation, overrides: liveChanges() }),
  'retrain-transform-failed': retrain({
    evaluation,
    overrides: { awaitTransforms: async () => Promise.reject(raise('TransformFailed', 'AlgorithmError')) },
  }),
  'retrain-cancelled-in-evaluation': retrain({ evaluation, cancelIn: 'awaitTransforms' }),
  'retrain-cancelled-at-the-approval': retrain({ evaluation: asking, meanwhile: cancelled }),
};
