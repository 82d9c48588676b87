import type { DescribeTransformJobResponse } from '@aws-sdk/client-sagemaker';
import type { ApplicationFailure } from '@temporalio/common';
import { fail } from '../errors.js';
import { spanInWords } from '../waiting.js';

/** What a status means: true once the job has completed, the failure it ended in, or undefined while it runs. A status not known is never success. */
export function verdictOn(name: string, job: DescribeTransformJobResponse): true | ApplicationFailure | undefined {
  switch (job.TransformJobStatus) {
    case 'Completed':
      return true;
    case 'InProgress':
    case 'Stopping':
      return undefined;
    case 'Failed':
      return fail(
        'TransformFailed',
        `Transform job ${name} failed: ${withoutKeys(job.FailureReason?.trim()) || 'SageMaker gave no reason'}. Its log is in CloudWatch Logs: group /aws/sagemaker/TransformJobs, streams ${name}/…`,
      );
    case 'Stopped':
      return fail(
        'TransformStopped',
        `Transform job ${name} was stopped by somebody before it had completed: CloudTrail (StopTransformJob) says by whom; start it anew`,
      );
    default:
      return unknownTransformStatus(name, job.TransformJobStatus);
  }
}

/** SageMaker's reason without the object it speaks of: keys of data reach no history. The job's log names it. A key may have colons. */
const withoutKeys = (reason: string | undefined) => reason?.replaceAll(/s3:\/\/[^"\n]*?(?=:\s|["\n]|$)/g, 's3://…');

/** A status that Perennial doesn't know, or that no job it waits for should have. */
export const unknownTransformStatus = (name: string, status: string | undefined) =>
  fail(
    'UnknownStatus',
    `Transform job ${name} is in status "${status ?? ''}", of which nothing is known here, so it isn't taken for a success: look at the job in the SageMaker console, then start it anew`,
  );

/** A running job's state for people: `InProgress for 12 min`. */
export function transformStatusInWords(job: DescribeTransformJobResponse, now = Date.now()): string {
  const since = job.CreationTime;
  return since
    ? `${job.TransformJobStatus} for ${spanInWords(Math.max(0, now - since.getTime()))}`
    : `${job.TransformJobStatus}`;
}
