import {
  DescribeTrainingJobCommand,
  type DescribeTrainingJobCommandOutput as Job,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { ImageIdentity } from '../../contracts/images.js';
import type { TrainingFacts } from '../../contracts/insight.js';
import type { OutcomeObject } from '../../contracts/records.js';
import { missingAsUndefined, withFailures } from '../errors.js';

/** A training job as SageMaker knows it; undefined if it was deleted. */
export async function describeJob(sagemaker: SageMakerClient, name: string): Promise<Job | undefined> {
  return missingAsUndefined(() =>
    withFailures({ action: 'DescribeTrainingJob', resource: `training job ${name}` }, () =>
      sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name })),
    ),
  );
}

/** What a run was trained with: as SageMaker says, or, where the job is gone, as the run recorded it. */
export function trainingFacts(outcome: OutcomeObject, job: Job | undefined): TrainingFacts | undefined {
  const { trainingJob, training, image, instanceType, billableSeconds } = outcome;
  if (trainingJob === undefined) return undefined;
  const { imageDigest, imageDigestMissing } = outcome;
  const identity: ImageIdentity = {
    ...(imageDigest !== undefined && { imageDigest }),
    ...(imageDigestMissing !== undefined && { imageDigestMissing }),
  };
  if (!job) {
    return {
      trainingJob,
      source: 'outcome',
      ...(image !== undefined && { image }),
      ...(instanceType !== undefined && { instanceType }),
      ...identity,
      ...training,
      ...(billableSeconds !== undefined && { billableSeconds }),
    };
  }
  const { ResourceConfig: resources, StoppingCondition: limits, EnableManagedSpotTraining: spot } = job;
  return {
    trainingJob,
    source: 'sagemaker',
    ...(training?.algorithm !== undefined && { algorithm: training.algorithm }),
    image: job.AlgorithmSpecification?.TrainingImage ?? image,
    ...identity,
    hyperparameters: job.HyperParameters ?? {},
    instanceType: resources?.InstanceType ?? instanceType,
    instanceCount: resources?.InstanceCount,
    volumeGiB: resources?.VolumeSizeInGB,
    maxRuntimeSeconds: limits?.MaxRuntimeInSeconds,
    spot: spot ?? false,
    billableSeconds: job.BillableTimeInSeconds ?? billableSeconds,
  };
}
