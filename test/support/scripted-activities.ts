import { ApplicationFailure } from '@temporalio/common';
import type { Activities, CheckDataResult } from '../../contracts/activities.js';
import type { Notice } from '../../contracts/notices.js';
import type { Holdout } from '../../contracts/evaluation.js';
import { NON_RETRYABLE, type FailureType } from '../../contracts/failures.js';
import { deploymentName, runId, trainingJobName, transformJobName } from '../../contracts/names.js';
import type { OutcomeObject } from '../../contracts/records.js';
import { batchJobName, transformFolder } from '../../contracts/transforms.js';
import { scriptedPurge } from './scripted-purge.js';

/** What a test sees of a scripted run. */
export interface Script {
  readonly activities: Activities;
  /** Names of the activities called, in order of their start. */
  readonly calls: string[];
  readonly notices: Notice[];
  readonly outcomes: OutcomeObject[];
  /** How often an activity was called. */
  count(name: keyof Activities): number;
}

/** The holdout of a scripted run whose definition evaluates. */
const HOLDOUT: Holdout = {
  manifestUri: 's3://bucket/holdout.manifest',
  files: 1,
  hash: 'h'.repeat(64),
  from: '2026-01-02',
  to: '2026-01-02',
};
/** SageMaker model that is live where a scripted run evaluates; a little worse than the candidate. */
const LIVE = 'example-20250101T000000000Z';

/** A failure as the real activities raise it. */
export function raise(type: FailureType, message: string, nextRetryDelay?: string): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable: NON_RETRYABLE.includes(type),
    ...(nextRetryDelay ? { nextRetryDelay: nextRetryDelay as '1s' } : {}),
  });
}

/** What checkData answers where nothing has changed. */
export const NO_NEWS: CheckDataResult = {
  news: false,
  reasons: ['nothing changed since 2026-01-01'],
  files: 3,
  bytes: 300,
  added: 0,
  changed: 0,
  removed: 0,
  dataHash: 'd'.repeat(64),
  definitionHash: 'e'.repeat(64),
  channels: [],
};

/** Activities that answer as in a first deployment that goes well; `overrides` replace single ones. */
export function script(overrides: Partial<Activities> = {}): Script {
  const calls: string[] = [];
  const notices: Notice[] = [];
  const outcomes: OutcomeObject[] = [];
  const happy: Activities = {
    checkData: async ({ asOf, definition }) => ({
      news: true,
      reasons: ['3 new files'],
      files: 3,
      bytes: 300,
      oldestDate: '2026-01-01',
      newestDate: asOf,
      added: 3,
      changed: 0,
      removed: 0,
      dataHash: 'd'.repeat(64),
      definitionHash: 'e'.repeat(64),
      fileRecordUri: 's3://bucket/files.json',
      manifestUri: 's3://bucket/train.manifest',
      channels: [{ name: 'train', manifestUri: 's3://bucket/train.manifest', files: 3 }],
      ...(definition.evaluation && { holdout: HOLDOUT }),
    }),
    confirmFiles: async () => ({ changed: 0, removed: 0 }),
    previewRun: async () => Promise.reject(raise('InvalidRequest', 'not scripted')),
    previewPrepare: async () => Promise.reject(raise('InvalidRequest', 'not scripted')),
    planResume: async ({ resume }) => ({
      from: 'deploy',
      reason: `goes on from ${resume}, whose training job job-1 completed`,
      asOf: '2026-01-02',
      trainingJob: 'job-1',
    }),
    takeUp: async ({ resume, definition }) => ({
      news: true,
      reasons: [`goes on from ${resume}, whose training job job-1 completed`],
      files: 3,
      bytes: 300,
      oldestDate: '2026-01-01',
      newestDate: '2026-01-02',
      added: 0,
      changed: 0,
      removed: 0,
      dataHash: 'd'.repeat(64),
      definitionHash: 'e'.repeat(64),
      fileRecordUri: 's3://bucket/files.json',
      manifestUri: 's3://bucket/train.manifest',
      channels: [{ name: 'train', manifestUri: 's3://bucket/train.manifest', files: 3 }],
      ...(definition.evaluation && { holdout: HOLDOUT }),
      job: {
        trainingJob: 'job-1',
        image: 'image:1',
        instanceType: 'ml.m5.large',
        ended: {
          trainingJob: 'job-1',
          artifactUri: 's3://bucket/job-1/output/model.tar.gz',
          metrics: [{ name: 'train:mse', value: 1.5 }],
          billableSeconds: 60,
        },
      },
    }),
    startTraining: async ({ ref, definition, attempt }) => ({
      trainingJob: trainingJobName(ref.model, ref.runTime, attempt + 1),
      image: 'image:1',
      instanceType: definition.training.instances[attempt] ?? 'none',
      attached: false,
      warnings: [],
    }),
    awaitTrainingJob: async ({ trainingJob }) => ({
      trainingJob,
      artifactUri: `s3://bucket/${trainingJob}/output/model.tar.gz`,
      metrics: [{ name: 'train:mse', value: 1.5 }],
      billableSeconds: 60,
    }),
    stopTrainingJob: async () => ({ status: 'Stopped' }),
    startEvaluation: async ({ ref, round }) => ({
      modelName: deploymentName(ref.model, ref.runTime),
      transformJob: transformJobName(ref.model, ref.runTime, 'candidate', round),
      live: { modelName: LIVE, transformJob: transformJobName(ref.model, ref.runTime, 'live', round) },
      liveConfig: LIVE,
      warnings: [],
    }),
    awaitTransforms: async () => undefined,
    scoreModels: async ({ definition, holdout: { hash, files, from, to }, started: { modelName, liveConfig } }) => ({
      metric: definition.evaluation?.metric ?? 'rmse',
      holdout: { hash, files, from, to },
      rows: 100,
      candidate: {
        modelName,
        metrics: { mdape: 0.1, mape: 0.1, rmse: 1, mae: 0.8, r2: 0.9, accuracy: 0.9 },
        scoreUri: 's3://bucket/scores/candidate.json',
      },
      live: {
        modelName: LIVE,
        metrics: { mdape: 0.11, mape: 0.11, rmse: 1.1, mae: 0.9, r2: 0.85, accuracy: 0.85 },
        scoreUri: 's3://bucket/scores/live.json',
        rescored: true,
      },
      liveConfig,
    }),
    forgetEvaluation: async () => ({ removed: 1, warnings: [] }),
    startDeployment: async ({ ref, definition }) => ({
      modelName: deploymentName(ref.model, ref.runTime),
      endpoint: definition.endpoint.name,
      endpointConfig: deploymentName(ref.model, ref.runTime),
      action: 'created',
    }),
    awaitEndpoint: async () => ({ status: 'InService' }),
    smokeTest: async () => ({ latencyMs: 12 }),
    rollBack: async ({ previousConfig }) =>
      previousConfig ? { action: 'restored', config: previousConfig } : { action: 'removed' },
    discardDeployment: async () => ({ removed: 2, warnings: [] }),
    findLiveModel: async ({ definition }) => ({
      modelName: `${definition.name}-live`,
      run: `retrain/${definition.name}/2026-01-01T00:00:00.000Z`,
      because: `live on endpoint ${definition.endpoint.name}`,
    }),
    startTransform: async ({ ref, definition, transform }) => ({
      transformJob: batchJobName({ definition, transform }, ref.runTime),
      inputUri: transform.input,
      outputUri: `${transform.output}${transformFolder(ref.runTime)}/`,
      attached: false,
      warnings: [],
    }),
    awaitTransform: async () => undefined,
    countAnswers: async () => ({ objects: 2, bytes: 20 }),
    stopTransform: async () => ({ status: 'Stopped' }),
    findOrphans: async () => ({ orphans: [], more: 0 }),
    stopOrphans: async ({ orphans }) => ({
      stopped: orphans.map(({ kind, name }) => ({ kind, name, done: 'removed' as const })),
    }),
    cleanUp: async () => ({ removed: 0 }),
    deleteEndpoint: async () => ({ state: 'deleting' }),
    awaitEndpointGone: async () => undefined,
    invokeEndpoint: async () => ({ status: 200, bytes: 2 }),
    listVersions: async ({ definition }) => ({ endpoint: definition.endpoint.name, versions: [] }),
    planChange: async ({ definition: { name, endpoint }, request, runTime = '2026-01-09T00:00:00.000Z' }) => ({
      endpoint: endpoint.name,
      from: { config: `${name}-live`, run: runId(name, '2026-01-02T00:00:00.000Z') },
      to: {
        config: request.kind === 'deploy' ? deploymentName(name, runTime) : `${name}-old`,
        run: runId(name, request.kind === 'deploy' ? '2026-01-02T00:00:00.000Z' : '2026-01-01T00:00:00.000Z'),
        modelName: `${name}-old`,
        fileRecordUri: 's3://bucket/old/files.json',
        manifestUri: 's3://bucket/old/train.manifest',
        files: 2,
        newestDate: '2026-01-01',
        dataHash: 'a'.repeat(64),
        definitionHash: 'e'.repeat(64),
      },
      summary: `${endpoint.name} changes`,
      warnings: [],
    }),
    startChange: async () => ({ warnings: [] }),
    recordOutcome: async ({ newestDate }) => ({ outcomeUri: 's3://bucket/outcome.json', parameter: newestDate }),
    indexRun: async () => undefined,
    indexEndpointDeleted: async () => undefined,
    listRuns: async () => ({ runs: [] }),
    showRun: async () => ({}),
    compareRuns: async () => ({ bytes: 0 }),
    collectReport: async () => ({ bytes: 0 }),
    readLogs: async () => ({ bytes: 0 }),
    rebuildLedger: async () => ({ runs: 0, files: 0 }),
    notifySlack: async ({ threadTs }) => ({ ts: threadTs ?? '1.000' }),
    signalModel: async () => undefined,
    pauseSchedule: async () => undefined,
    ...scriptedPurge,
  };
  const all = { ...happy, ...overrides };
  const activities = Object.fromEntries(
    Object.entries(all).map(([name, implementation]) => [
      name,
      async (input: never) => {
        calls.push(name);
        if (name === 'notifySlack') notices.push((input as { notice: Notice }).notice);
        if (name === 'recordOutcome') outcomes.push((input as { outcome: OutcomeObject }).outcome);
        return (implementation as (argument: never) => Promise<unknown>)(input);
      },
    ]),
  ) as unknown as Activities;
  return { activities, calls, notices, outcomes, count: (name) => calls.filter((call) => call === name).length };
}
