import type { EvaluationActivities, EvaluationStarted } from '../../contracts/evaluation.js';
import { deploymentName, scoreKey } from '../../contracts/names.js';
import type { ScoreRecord } from '../../contracts/evaluation.js';
import { ensureModel } from '../endpoint/create.js';
import { isFailure } from '../errors.js';
import { readRecord } from '../s3/records.js';
import { createTransformJob } from '../transforms/jobs.js';
import { type LiveDeps, whatIsLive } from './live.js';
import { type EvaluationJob, evaluationRequest } from './request.js';

type StartInput = Parameters<EvaluationActivities['startEvaluation']>[0];

/** The candidate's answers are the same in every round, so its job is always that of the first. */
const CANDIDATES_ROUND = 1;

/** More than there are rounds: a try whose answer was lost may have taken a number for what was live then. */
const LAST_LIVE_JOB = 9;

/**
 * Makes the candidate's SageMaker model, the very one that a deployment takes, and the transform jobs that are needed. Every step is found
 * again by name, so that a retry goes on where the last try was cut.
 */
export async function startEvaluation(deps: LiveDeps, input: StartInput): Promise<EvaluationStarted> {
  const { ref, definition, holdout, round } = input;
  const common = { ref, definition, holdout };
  const modelName = deploymentName(ref.model, ref.runTime);
  // Refuses what can't be asked for before anything is made.
  const ours = evaluationRequest({ ...common, of: 'candidate', round: CANDIDATES_ROUND, modelName });
  const [, live] = await Promise.all([
    ensureModel(deps.sagemaker, input),
    whatIsLive(deps, { ...common, candidate: modelName }),
  ]);
  const theirs =
    live.modelName === undefined ? undefined : ({ ...common, of: 'live', round, modelName: live.modelName } as const);
  const [transformJob, rescored] = await Promise.all([
    create(deps, { ...common, of: 'candidate', round: CANDIDATES_ROUND, modelName }),
    theirs && (await isScored(deps, theirs)) ? undefined : theirs && createForLive(deps, theirs),
  ]);
  return {
    modelName,
    transformJob,
    ...(live.modelName !== undefined && {
      live: { modelName: live.modelName, ...(rescored !== undefined && { transformJob: rescored }) },
    }),
    ...(live.config !== undefined && { liveConfig: live.config }),
    ...(live.notCompared !== undefined && { notCompared: live.notCompared }),
    warnings: ours.warnings,
  };
}

async function isScored({ s3 }: LiveDeps, { definition, holdout, modelName }: EvaluationJob): Promise<boolean> {
  const { bucket, output } = definition.data;
  return (await readRecord<ScoreRecord>(s3, bucket, scoreKey(output, modelName, holdout.hash))) !== undefined;
}

/**
 * A try whose answer was lost may have made the job of this number for a model that is live no more. It keeps the name and is stopped when
 * the run ends; the next number is free, or was taken for this very model by another try.
 */
async function createForLive(deps: LiveDeps, job: EvaluationJob): Promise<string> {
  for (let number = job.round; ; number += 1) {
    try {
      return await create(deps, { ...job, round: number });
    } catch (error) {
      if (!isFailure(error, 'NameConflict') || number === LAST_LIVE_JOB) throw error;
    }
  }
}

async function create({ sagemaker }: LiveDeps, job: EvaluationJob): Promise<string> {
  const { request, spec } = evaluationRequest(job);
  await createTransformJob(sagemaker, request, spec);
  return request.TransformJobName as string;
}
