import type { TransformJobStatus } from '@aws-sdk/client-sagemaker';
import { arn } from '../arn.js';
import type { Context, Plan, SageMakerConfig } from '../context.js';
import { timesAsText } from '../events.js';
import { tagsOf } from '../tags.js';
import { now } from '../time.js';
import type { TransformJob, TransformRequest } from './types.js';

const TERMINAL: ReadonlySet<TransformJobStatus> = new Set(['Completed', 'Failed', 'Stopped']);

export function isTerminal(job: TransformJob): boolean {
  return TERMINAL.has(job.state.TransformJobStatus);
}

/** A new job, InProgress; not stored yet. */
export function newJob(config: SageMakerConfig, request: TransformRequest, plan?: Plan): TransformJob {
  const at = now();
  const state: TransformJob['state'] = {
    TransformJobArn: arn(config, 'transform-job', request.TransformJobName),
    TransformJobStatus: 'InProgress',
    CreationTime: at,
    LastModifiedTime: at,
  };
  return { TransformJobName: request.TransformJobName, request, state, ...(plan && { plan }) };
}

/** Moves a job to a status, stores it and tells EventBridge. `reason` becomes the FailureReason. */
export function move(ctx: Context, job: TransformJob, status: TransformJobStatus, reason?: string): void {
  const at = now();
  job.state.TransformJobStatus = status;
  job.state.LastModifiedTime = at;
  if (TERMINAL.has(status)) job.state.TransformEndTime = at;
  if (reason !== undefined) job.state.FailureReason = reason.slice(0, 1024);
  save(ctx, job);
}

export function save(ctx: Context, job: TransformJob): void {
  const { TransformJobArn } = job.state;
  ctx.store.put('transform-job', job.TransformJobName, { ...job, TransformJobArn });
  const tags = Object.fromEntries(tagsOf(ctx, TransformJobArn).map((tag) => [tag.Key, tag.Value]));
  ctx.emit('SageMaker Transform Job State Change', { ...timesAsText(describe(job)), Tags: tags }, [TransformJobArn]);
}

/** A job as DescribeTransformJob answers it; what is unset is absent. */
export function describe(job: TransformJob): Record<string, unknown> {
  return { ...job.request, ...job.state };
}
