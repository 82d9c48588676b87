import type { S3Client } from '@aws-sdk/client-s3';
import {
  DescribeModelCommand,
  paginateListEndpointConfigs,
  paginateListTransformJobs,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import { ApplicationFailure } from '@temporalio/common';
import type { RunRef } from '../../contracts/activities.js';
import type { EvaluationActivities } from '../../contracts/evaluation.js';
import { compactTime, deploymentName, predictionsPrefix, s3Uri, TAGS } from '../../contracts/names.js';
import { listTags } from '../endpoint/create.js';
import { missingAsUndefined, withFailures } from '../errors.js';
import { removeResource } from '../orphans/resources.js';
import { tagValue } from '../resources.js';
import { stopTransformJob } from '../transforms/jobs.js';
import { look, nextLook } from '../waiting.js';
import { describeConfig } from './live.js';
import { emptyPrefix } from './remove.js';

type Forget = EvaluationActivities['forgetEvaluation'];

/** Stopping a container takes up to 120 s; looks are never further apart than this. */
const POLL = '2s';

/** Stops the transform jobs of a run's evaluation, then removes what they wrote and the candidate's model. See EvaluationActivities. */
export async function forgetEvaluation(
  { s3, sagemaker }: { readonly s3: S3Client; readonly sagemaker: SageMakerClient },
  { ref, definition, keepModel }: Parameters<Forget>[0],
): ReturnType<Forget> {
  const jobs = await look(
    { action: 'ListTransformJobs', resource: `transform jobs of ${ref.run}` },
    nextLook(POLL),
    () => jobsUnderWay(sagemaker, ref),
  );
  await Promise.all(jobs.map((job) => stopTransformJob(sagemaker, job)));
  if (definition.evaluation?.keep) return { removed: 0, warnings: [] };
  const { bucket, output } = definition.data;
  const prefix = predictionsPrefix(output, ref.runTime);
  const name = deploymentName(ref.model, ref.runTime);
  const left = [
    await tryTo(() => emptyPrefix(s3, bucket, prefix), `what lies under ${s3Uri(bucket, prefix)}`),
    await tryTo(async () => (keepModel ? 0 : removeCandidate(sagemaker, ref, name)), `model ${name}`),
  ];
  return {
    removed: left.reduce((sum, { removed }) => sum + removed, 0),
    warnings: left.flatMap(({ warning }) => warning ?? []),
  };
}

/** Transform jobs of a run's evaluation that run or stop; those that ended need nothing. */
async function jobsUnderWay(sagemaker: SageMakerClient, ref: RunRef): Promise<string[]> {
  const prefix = `${ref.model}-${compactTime(ref.runTime)}-`;
  const found: string[] = [];
  for (const StatusEquals of ['InProgress', 'Stopping'] as const) {
    const query = { NameContains: prefix, StatusEquals };
    for await (const page of paginateListTransformJobs({ client: sagemaker, pageSize: 100 }, query)) {
      for (const { TransformJobName: name = '' } of page.TransformJobSummaries ?? [])
        if (name.startsWith(prefix) && /^[cl]\d+$/.test(name.slice(prefix.length))) found.push(name);
    }
  }
  return found;
}

/** Removes the candidate's model, unless it isn't this run's or a config serves it: the run's own, or one that a deployment by hand made. */
async function removeCandidate(sagemaker: SageMakerClient, { model, run }: RunRef, name: string): Promise<number> {
  const resource = `model ${name}`;
  const about = { action: 'DescribeModel', resource };
  const found = await missingAsUndefined(() =>
    withFailures(about, () => sagemaker.send(new DescribeModelCommand({ ModelName: name }))),
  );
  if (!found) return 0;
  if (tagValue(await listTags(sagemaker, resource, found.ModelArn), TAGS.run) !== run) return 0;
  if (await isUsed(sagemaker, model, name, found.CreationTime)) return 0;
  return (await removeResource(sagemaker, 'model', name)) === 'removed' ? 1 : 0;
}

async function isUsed(sagemaker: SageMakerClient, model: string, name: string, madeAt = new Date(0)): Promise<boolean> {
  // No config names a model from before it was made, and the names of this model's begin with its own. A second for how times are rounded.
  const query = { NameContains: `${model}-`, CreationTimeAfter: new Date(madeAt.getTime() - 1_000) };
  return withFailures({ action: 'ListEndpointConfigs', resource: `endpoint configs of ${model}` }, async () => {
    for await (const page of paginateListEndpointConfigs({ client: sagemaker, pageSize: 100 }, query)) {
      for (const { EndpointConfigName: config = '' } of page.EndpointConfigs ?? []) {
        const served = await missingAsUndefined(() => describeConfig(sagemaker, config));
        if (served?.ProductionVariants?.some(({ ModelName }) => ModelName === name)) return true;
      }
    }
    return false;
  });
}

/**
 * What can't be removed for good is a warning: what a run leaves behind must not decide how it ends. What may pass is tried again.
 */
async function tryTo(remove: () => Promise<number>, what: string): Promise<{ removed: number; warning?: string }> {
  try {
    return { removed: await remove() };
  } catch (error) {
    if (!(error instanceof ApplicationFailure) || !error.nonRetryable) throw error;
    return { removed: 0, warning: `${what} could not be removed: ${error.message}` };
  }
}
