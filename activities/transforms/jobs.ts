import {
  CreateTransformJobCommand,
  DescribeTransformJobCommand,
  type DescribeTransformJobCommandOutput,
  ListTagsCommand,
  type CreateTransformJobRequest,
  type SageMakerClient,
  StopTransformJobCommand,
} from '@aws-sdk/client-sagemaker';
import { activityInfo } from '@temporalio/activity';
import { TAGS } from '../../contracts/names.js';
import { fail, isFailure, toFailure, withFailures } from '../errors.js';
import { tagValue } from '../resources.js';
import { inProgress, look, nextLook } from '../waiting.js';
import { unknownTransformStatus } from './verdict.js';

/** Stopping takes a container up to 120 s; looks are never further apart than this. */
const STOP_POLL = '2s';

/**
 * Creates a transform job, or attaches to the one that an earlier try made. SageMaker has no client token for it: the name is the key, and a
 * name that is taken is ours if its tag carries `spec`, the hash of this very request.
 */
export async function createTransformJob(
  sagemaker: SageMakerClient,
  request: CreateTransformJobRequest,
  spec: string,
): Promise<{ attached: boolean }> {
  const name = request.TransformJobName ?? '';
  try {
    await sagemaker.send(new CreateTransformJobCommand(request));
    return { attached: false };
  } catch (error) {
    const resource = `transform job ${name} (${request.TransformResources?.InstanceType}, model ${request.ModelName})`;
    const failure = toFailure(error, { action: 'CreateTransformJob', resource });
    if (!isFailure(failure, 'NameConflict')) throw failure;
    if ((await specOf(sagemaker, name)) === spec) return { attached: true };
    throw fail(
      'NameConflict',
      `Transform job ${name} exists and was not made by this run (its tag ${TAGS.spec} differs), and SageMaker never frees a job's name: start it anew`,
      { cause: error },
    );
  }
}

async function specOf(sagemaker: SageMakerClient, name: string): Promise<string | undefined> {
  const { TransformJobArn } = await describeTransformJob(sagemaker, name);
  const { Tags } = await withFailures({ action: 'ListTags', resource: `transform job ${name}` }, () =>
    sagemaker.send(new ListTagsCommand({ ResourceArn: TransformJobArn })),
  );
  return tagValue(Tags, TAGS.spec);
}

/** DescribeTransformJob; ResourceMissing if there is none of this name. */
export function describeTransformJob(
  sagemaker: SageMakerClient,
  name: string,
): Promise<DescribeTransformJobCommandOutput> {
  return withFailures({ action: 'DescribeTransformJob', resource: `transform job ${name}` }, () =>
    sagemaker.send(new DescribeTransformJobCommand({ TransformJobName: name })),
  );
}

/** Asks a job to stop and answers with its status once it is at an end, `absent` if there is none; InProgress until then. */
export async function stopTransformJob(sagemaker: SageMakerClient, name: string): Promise<{ status: string }> {
  const delay = nextLook(STOP_POLL);
  const status = await look({ action: 'StopTransformJob', resource: `transform job ${name}` }, delay, async () => {
    // The first attempt asks at once; a later one looks first, as the request was accepted, or its answer lost.
    if (activityInfo().attempt === 1) await stop(sagemaker, name);
    else if ((await statusOf(sagemaker, name)) === 'InProgress') await stop(sagemaker, name);
    return statusOf(sagemaker, name);
  });
  switch (status) {
    case 'absent':
    case 'Completed':
    case 'Failed':
    case 'Stopped':
      return { status };
    case 'InProgress':
    case 'Stopping':
      throw inProgress(`${status}: asked to stop`, delay);
    default:
      throw unknownTransformStatus(name, status);
  }
}

/** StopTransformJob; a job that is absent or at an end already is fine, and the look that follows says which. */
async function stop(sagemaker: SageMakerClient, name: string): Promise<void> {
  try {
    await withFailures({ action: 'StopTransformJob', resource: `transform job ${name}` }, () =>
      sagemaker.send(new StopTransformJobCommand({ TransformJobName: name })),
    );
  } catch (error) {
    const ended = /rejected because the transform job is in status/i.test(String(error));
    if (!isFailure(error, 'ResourceMissing') && !ended) throw error;
  }
}

async function statusOf(sagemaker: SageMakerClient, name: string): Promise<string | undefined> {
  try {
    return (await describeTransformJob(sagemaker, name)).TransformJobStatus;
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return 'absent';
    throw error;
  }
}
