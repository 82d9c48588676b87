import type { KMSClient } from '@aws-sdk/client-kms';
import {
  CreateTrainingJobCommand,
  DescribeTrainingJobCommand,
  ListTagsCommand,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { StartTrainingInput, TrainingStarted } from '../../contracts/activities.js';
import { TAGS } from '../../contracts/names.js';
import { fail, isFailure, toFailure, withFailures } from '../errors.js';
import { tagValue } from '../resources.js';
import { trainingRequest } from './request.js';
import { withVolumeKeyArn } from './volume-key.js';

/**
 * Creates the training job of a run's attempt. SageMaker has no client token for it: the name is the key, and a name that is taken is
 * ours if it carries the hash of this very request, as after a lost answer or a retry inside the SDK.
 */
export async function startTraining(
  { sagemaker, kms, region }: { sagemaker: SageMakerClient; kms: KMSClient; region: string },
  input: StartTrainingInput,
): Promise<TrainingStarted> {
  const { request, spec, image, instanceType, warnings } = trainingRequest(input, region);
  const trainingJob = request.TrainingJobName as string;
  const started = { trainingJob, image, instanceType, warnings };
  try {
    await sagemaker.send(new CreateTrainingJobCommand(await withVolumeKeyArn(kms, request)));
    return { ...started, attached: false };
  } catch (error) {
    const resource = `training job ${trainingJob} (${instanceType} in ${region})`;
    const failure = toFailure(error, { action: 'CreateTrainingJob', resource });
    if (!isFailure(failure, 'NameConflict')) throw failure;
    if ((await specOf(sagemaker, trainingJob)) === spec) return { ...started, attached: true };
    throw fail(
      'NameConflict',
      `Training job ${trainingJob} exists and was not made by this run (its tag ${TAGS.spec} differs), and SageMaker never frees a job's name: start a new run`,
      { cause: error },
    );
  }
}

async function specOf(sagemaker: SageMakerClient, trainingJob: string): Promise<string | undefined> {
  const resource = `training job ${trainingJob}`;
  const { TrainingJobArn } = await withFailures({ action: 'DescribeTrainingJob', resource }, () =>
    sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: trainingJob })),
  );
  const { Tags } = await withFailures({ action: 'ListTags', resource }, () =>
    sagemaker.send(new ListTagsCommand({ ResourceArn: TrainingJobArn })),
  );
  return tagValue(Tags, TAGS.spec);
}
