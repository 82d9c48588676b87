import {
  CreateTransformJobCommand,
  DescribeTransformJobCommand,
  type DescribeTransformJobCommandOutput,
  ListTagsCommand,
  type CreateTransformJobRequest,
  type SageMakerClient,
  StopTransformJobCommand,
} from '@aws-sdk/client-sagemaker';
import { TAGS } from '../../contracts/names.js';
import { fail, isFailure, missingAsUndefined, toFailure, withFailures } from '../errors.js';
import { tagValue } from '../resources.js';
import { stopJob } from '../stopping.js';
import { unknownTransformStatus } from './verdict.js';

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

/** Asks a transform job to stop and answers with its status once it is at an end, `absent` if there is none; InProgress until then. */
export async function stopTransformJob(sagemaker: SageMakerClient, name: string): Promise<{ status: string }> {
  return stopJob({
    action: 'StopTransformJob',
    resource: `transform job ${name}`,
    send: () => sagemaker.send(new StopTransformJobCommand({ TransformJobName: name })),
    status: async () => {
      const job = await missingAsUndefined(() => describeTransformJob(sagemaker, name));
      // A job without a status is not one that is absent.
      return job && (job.TransformJobStatus ?? '');
    },
    unknown: (status) => unknownTransformStatus(name, status),
  });
}
