import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import {
  DescribeTrainingJobCommand,
  type DescribeTrainingJobCommandOutput as Job,
  ListTagsCommand,
  paginateListTrainingJobs,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import { ApplicationFailure } from '@temporalio/common';
import { isDeepStrictEqual } from 'node:util';
import type { CheckDataResult, ResumedJob, RunRef } from '../../contracts/activities.js';
import type { Definition } from '../../contracts/definition/index.js';
import type { ImageIdentity } from '../../contracts/images.js';
import { compactTime, parseS3Uri, parseTrainingJobName } from '../../contracts/names.js';
import { channelPrefixes } from '../data/listing.js';
import { fail, isFailure, withFailures } from '../errors.js';
import { identityIn } from '../training/digest/index.js';
import { trainingRequest } from '../training/request.js';
import { verdictOn } from '../training/verdict.js';

/** A training job that a run can go on with: it completed, or still runs. */
export interface UsableJob {
  readonly detail: Job;
  readonly job: ResumedJob;
}

/**
 * The training job that a run made and that is of use still; a completed one before one that runs. Undefined if all failed, were
 * stopped, or none was made. A status that isn't known fails with UnknownStatus: it may be either.
 */
export async function usableJob(
  sagemaker: SageMakerClient,
  { model, runTime }: Pick<RunRef, 'model' | 'runTime'>,
): Promise<UsableJob | undefined> {
  const prefix = `${model}-${compactTime(runTime)}-`;
  const names = await withFailures({ action: 'ListTrainingJobs', resource: `training jobs ${prefix}…` }, async () => {
    const found: string[] = [];
    for await (const page of paginateListTrainingJobs({ client: sagemaker, pageSize: 100 }, { NameContains: prefix })) {
      for (const { TrainingJobName: name = '' } of page.TrainingJobSummaries ?? []) {
        const made = parseTrainingJobName(name);
        if (made?.model === model && made.time === runTime) found.push(name);
      }
    }
    return found;
  });
  const jobs = await Promise.all(names.map((name) => usable(sagemaker, name)));
  const best = jobs.find((one) => one?.job.ended) ?? jobs.find((one) => one !== undefined);
  return best && { ...best, job: { ...best.job, ...(await identityOf(sagemaker, best.detail)) } };
}

/** Which image the job was made with, as its tags say. Nobody needs it to go on: without the tags it is not known. */
async function identityOf(sagemaker: SageMakerClient, { TrainingJobArn }: Job): Promise<ImageIdentity> {
  try {
    const { Tags } = await sagemaker.send(new ListTagsCommand({ ResourceArn: TrainingJobArn }));
    return identityIn(Tags);
  } catch (error) {
    return { imageDigestMissing: `the tags of the training job could not be read (${(error as Error).name})` };
  }
}

async function usable(sagemaker: SageMakerClient, name: string): Promise<UsableJob | undefined> {
  const detail = await withFailures({ action: 'DescribeTrainingJob', resource: `training job ${name}` }, () =>
    sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name })),
  );
  // On its way to its end, and not to one that helps.
  if (detail.TrainingJobStatus === 'Stopping') return undefined;
  const verdict = verdictOn(name, detail);
  if (verdict instanceof ApplicationFailure) {
    if (verdict.type === 'UnknownStatus') throw verdict;
    return undefined;
  }
  const job: ResumedJob = {
    trainingJob: name,
    image: detail.AlgorithmSpecification?.TrainingImage ?? '',
    instanceType: detail.ResourceConfig?.InstanceType ?? '',
    ...(verdict && { ended: verdict }),
  };
  return { detail, job };
}

/**
 * Refuses a job that was made by other settings than the definition's: its model would pass for what it isn't. What makes no other
 * model (role, keys, network, instance types, limits) may differ.
 */
export function assertSameTraining(
  { detail, job }: UsableJob,
  { ref, definition, region }: { ref: RunRef; definition: Definition; region: string },
): void {
  const channels = channelPrefixes(definition).map(({ name }) => ({ name, manifestUri: '', files: 0 }));
  const { request } = trainingRequest({ ref, definition, attempt: 0, channels }, region);
  const pairs: readonly (readonly [key: string, then: unknown, now: unknown])[] = [
    ['training.image', job.image, request.AlgorithmSpecification?.TrainingImage],
    ['training.hyperparameters', detail.HyperParameters ?? {}, request.HyperParameters ?? {}],
    ['training.environment', detail.Environment ?? {}, request.Environment ?? {}],
    ['training.count', detail.ResourceConfig?.InstanceCount, request.ResourceConfig?.InstanceCount],
    ['data.channels', channelNames(detail), channelNames(request)],
    ['data.fileSystems', fileSystems(detail), fileSystems(request)],
    ['data.contentType', detail.InputDataConfig?.[0]?.ContentType, definition.data.contentType],
  ];
  const different = pairs.filter(([, then, now]) => !isDeepStrictEqual(then, now)).map(([key]) => key);
  if (different.length === 0) return;
  throw fail(
    'InvalidRequest',
    `Training job ${job.trainingJob} was trained with other values of ${different.join(', ')} than the definition has now, so its model is not this definition's. ` +
      'Apply the definition that it was trained with, or start a new run, which trains again',
  );
}

const channelNames = ({ InputDataConfig = [] }: Pick<Job, 'InputDataConfig'>) =>
  InputDataConfig.map(({ ChannelName }) => ChannelName).sort();

const fileSystems = ({ InputDataConfig = [] }: Pick<Job, 'InputDataConfig'>) =>
  InputDataConfig.flatMap(({ ChannelName, DataSource }) =>
    DataSource?.FileSystemDataSource ? [{ ChannelName, ...DataSource.FileSystemDataSource }] : [],
  );

/** Channels in S3 that a job trained on, with its own manifests. `filesOf` counts the files of one. */
export const channelsOf = (
  { InputDataConfig = [] }: Job,
  filesOf: (channel: string) => number,
): CheckDataResult['channels'] =>
  InputDataConfig.flatMap(({ ChannelName: name = '', DataSource }) => {
    const manifestUri = DataSource?.S3DataSource?.S3Uri;
    // One without is read from a file system.
    return manifestUri === undefined ? [] : [{ name, manifestUri, files: filesOf(name) }];
  });

/** Fails with ResourceMissing if a completed job's artefact was removed since. */
export async function assertArtifact(s3: S3Client, { trainingJob, ended }: ResumedJob): Promise<void> {
  if (!ended) return;
  const { bucket, key } = parseS3Uri(ended.artifactUri);
  try {
    await withFailures({ action: 'read', resource: ended.artifactUri, permission: 's3:GetObject' }, () =>
      s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key })),
    );
  } catch (error) {
    if (!isFailure(error, 'ResourceMissing')) throw error;
    throw fail(
      'ResourceMissing',
      `${ended.artifactUri}, the artefact of training job ${trainingJob}, is gone, so there is nothing to deploy: start a new run with --force, which trains again`,
      { cause: error },
    );
  }
}
