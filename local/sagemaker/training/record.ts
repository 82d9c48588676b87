import type { SecondaryStatus, TrainingJobStatus } from '@aws-sdk/client-sagemaker';
import { arn } from '../arn.js';
import type { Context, Plan, SageMakerConfig } from '../context.js';
import { timesAsText } from '../events.js';
import { joinS3 } from '../s3.js';
import { tagsOf } from '../tags.js';
import { now } from '../time.js';
import { withMetricDefinitions } from './metric-definitions.js';
import type { TrainingJob, TrainingRequest, TrainingState, Transition } from './types.js';

/** The stages that the local SageMaker reaches, each with its job status and the message AWS shows. */
const STAGES = {
  Starting: ['InProgress', 'Preparing the instances for training'],
  Pending: ['InProgress', 'Waiting for ML compute capacity'],
  Downloading: ['InProgress', 'Downloading input data'],
  Training: ['InProgress', 'Training image download completed. Training in progress.'],
  Uploading: ['InProgress', 'Uploading generated training model'],
  Completed: ['Completed', 'Training job completed'],
  Failed: ['Failed', 'Training job failed'],
  Stopping: ['Stopping', 'Stopping the training job'],
  Stopped: ['Stopped', 'Training job stopped'],
  MaxRuntimeExceeded: ['Stopped', 'Training job runtime exceeded MaxRuntimeInSeconds provided'],
} as const satisfies Partial<Record<SecondaryStatus, readonly [TrainingJobStatus, string]>>;

export type Stage = keyof typeof STAGES;

const TERMINAL: ReadonlySet<string> = new Set<TrainingJobStatus>(['Completed', 'Failed', 'Stopped']);

export function isTerminal(job: TrainingJob): boolean {
  return TERMINAL.has(job.state.TrainingJobStatus);
}

/** A new job in its first stage; not stored yet. */
export function newJob(config: SageMakerConfig, request: TrainingRequest, plan?: Plan): TrainingJob {
  const at = now();
  const state: TrainingState = {
    TrainingJobArn: arn(config, 'training-job', request.TrainingJobName),
    TrainingJobStatus: 'InProgress',
    SecondaryStatus: 'Starting',
    SecondaryStatusTransitions: [{ Status: 'Starting', StartTime: at, StatusMessage: STAGES.Starting[1] }],
    CreationTime: at,
    LastModifiedTime: at,
  };
  return { TrainingJobName: request.TrainingJobName, request, state, ...(plan && { plan }) };
}

/** How a job ends that a restart found Stopping: by the time it had run, as nothing else tells. */
export function stopOutcome({ request, state }: TrainingJob): Stage {
  const ran = state.LastModifiedTime - (state.TrainingStartTime ?? state.LastModifiedTime);
  return ran >= Number(request.StoppingCondition?.MaxRuntimeInSeconds) ? 'MaxRuntimeExceeded' : 'Stopped';
}

/** Moves a job to its next stage in memory: closes the last transition, opens (or, at an end, closes) the new one. */
export function enter(job: TrainingJob, stage: Stage, message?: string): void {
  const { state } = job;
  const at = now();
  const [status, text] = STAGES[stage];
  const last = state.SecondaryStatusTransitions.at(-1);
  if (last) last.EndTime = at;
  const transition: Transition = { Status: stage, StartTime: at, StatusMessage: message ?? text };
  state.SecondaryStatusTransitions.push(transition);
  state.TrainingJobStatus = status;
  state.SecondaryStatus = stage;
  state.LastModifiedTime = at;
  if (stage === 'Downloading') state.TrainingStartTime ??= at;
  if (!TERMINAL.has(status)) return;
  transition.EndTime = at;
  state.TrainingEndTime = at;
  if (state.TrainingStartTime === undefined) return;
  const seconds = Math.ceil(at - state.TrainingStartTime);
  state.TrainingTimeInSeconds = seconds;
  state.BillableTimeInSeconds = seconds * (job.request.ResourceConfig?.InstanceCount ?? 1);
}

/** Says in the present stage's message what the job waits for. Stored, but no change that EventBridge hears of. */
export function explain(ctx: Context, job: TrainingJob, message: string): void {
  const transition = job.state.SecondaryStatusTransitions.at(-1);
  if (!transition || transition.EndTime !== undefined) return;
  transition.StatusMessage = message;
  job.state.LastModifiedTime = now();
  ctx.store.put('training-job', job.TrainingJobName, { ...job, TrainingJobArn: job.state.TrainingJobArn });
}

/** Ends a job as Completed, with the place of its model. */
export function complete(job: TrainingJob): void {
  job.state.ModelArtifacts = { S3ModelArtifacts: modelUri(job) };
  enter(job, 'Completed');
}

/** Ends a job as Failed. The reason is cut to the 1,024 characters AWS keeps. */
export function fail(job: TrainingJob, reason: string): void {
  job.state.FailureReason = reason.slice(0, 1024);
  enter(job, 'Failed', `Training job failed: ${reason}`.slice(0, 1024));
}

/** Stores a job and tells EventBridge. */
export function save(ctx: Context, job: TrainingJob): void {
  ctx.store.put('training-job', job.TrainingJobName, { ...job, TrainingJobArn: job.state.TrainingJobArn });
  ctx.emit('SageMaker Training Job State Change', eventDetail(ctx, job), [job.state.TrainingJobArn]);
}

/** `<S3OutputPath>/<job>/output`, where the job's archives go. */
export function outputUri(job: TrainingJob): string {
  return joinS3(String(job.request.OutputDataConfig?.S3OutputPath), job.TrainingJobName, 'output');
}

export function modelUri(job: TrainingJob): string {
  return joinS3(outputUri(job), 'model.tar.gz');
}

/** A job as DescribeTrainingJob answers it; what is unset is absent, but for the output's key, which SDKs count on. */
export function describe(job: TrainingJob): Record<string, unknown> {
  const OutputDataConfig = { KmsKeyId: '', CompressionType: 'GZIP', ...job.request.OutputDataConfig };
  const AlgorithmSpecification = withMetricDefinitions(job.request.AlgorithmSpecification);
  return { ...job.request, OutputDataConfig, AlgorithmSpecification, ...job.state };
}

/** AWS: the detail mirrors Describe, with times as epoch milliseconds in strings and the tags as a map. */
function eventDetail(ctx: Context, job: TrainingJob): Record<string, unknown> {
  const tags = Object.fromEntries(tagsOf(ctx, job.state.TrainingJobArn).map((tag) => [tag.Key, tag.Value]));
  return { ...timesAsText(describe(job)), Tags: tags };
}
