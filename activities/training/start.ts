import type { KMSClient } from '@aws-sdk/client-kms';
import {
  CreateTrainingJobCommand,
  type CreateTrainingJobRequest,
  DescribeTrainingJobCommand,
  ListTagsCommand,
  type SageMakerClient,
  type Tag,
} from '@aws-sdk/client-sagemaker';
import type { StartTrainingInput, TrainingStarted } from '../../contracts/activities.js';
import type { ImageIdentity } from '../../contracts/images.js';
import { TAGS } from '../../contracts/names.js';
import { fail, isFailure, toFailure, withFailures } from '../errors.js';
import { tagValue } from '../resources.js';
import { identityIn, type DigestOf } from './digest/index.js';
import { trainingRequest } from './request.js';
import { withVolumeKeyArn } from './volume-key.js';

export interface StartDeps {
  readonly sagemaker: SageMakerClient;
  readonly kms: KMSClient;
  readonly region: string;
  readonly digestOf?: DigestOf | undefined;
}

/**
 * Creates the training job of a run's attempt. SageMaker has no client token for it: the name is the key, and a name that is taken is
 * ours if it carries the hash of this very request, as after a lost answer or a retry inside the SDK.
 */
export async function startTraining(
  { sagemaker, kms, region, digestOf }: StartDeps,
  input: StartTrainingInput,
): Promise<TrainingStarted> {
  const { request, spec, image, instanceType, warnings } = trainingRequest(input, region);
  const trainingJob = request.TrainingJobName as string;
  const started = { trainingJob, image, instanceType, warnings };
  const identity = await digestOf?.(image);
  try {
    const complete = withDigest(await withVolumeKeyArn(kms, request), identity);
    await sagemaker.send(new CreateTrainingJobCommand(complete));
    return { ...started, ...identity, attached: false };
  } catch (error) {
    const resource = `training job ${trainingJob} (${instanceType} in ${region})`;
    const failure = toFailure(error, { action: 'CreateTrainingJob', resource });
    if (!isFailure(failure, 'NameConflict')) throw failure;
    const tags = await tagsOfJob(sagemaker, trainingJob);
    // The image may have moved under its tag since the job was made: what counts is what was seen then.
    if (tagValue(tags, TAGS.spec) === spec) return { ...started, ...(digestOf && identityIn(tags)), attached: true };
    throw fail(
      'NameConflict',
      `Training job ${trainingJob} exists and was not made by this run (its tag ${TAGS.spec} differs), and SageMaker never frees a job's name: start a new run`,
      { cause: error },
    );
  }
}

/** The job carries the digest, for whoever finds it again: it does not count as what the job was asked to be. */
const withDigest = (
  request: CreateTrainingJobRequest,
  identity: ImageIdentity | undefined,
): CreateTrainingJobRequest =>
  identity?.imageDigest === undefined
    ? request
    : { ...request, Tags: [...(request.Tags ?? []), { Key: TAGS.image, Value: identity.imageDigest }] };

/** Tags of a training job. */
async function tagsOfJob(sagemaker: SageMakerClient, trainingJob: string): Promise<Tag[] | undefined> {
  const resource = `training job ${trainingJob}`;
  const { TrainingJobArn } = await withFailures({ action: 'DescribeTrainingJob', resource }, () =>
    sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: trainingJob })),
  );
  const { Tags } = await withFailures({ action: 'ListTags', resource }, () =>
    sagemaker.send(new ListTagsCommand({ ResourceArn: TrainingJobArn })),
  );
  return Tags;
}
