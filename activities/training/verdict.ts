import type { DescribeTrainingJobCommandOutput as Job } from '@aws-sdk/client-sagemaker';
import type { ApplicationFailure } from '@temporalio/common';
import type { TrainingEnded } from '../../contracts/activities.js';
import type { Metric } from '../../contracts/records.js';
import { fail } from '../errors.js';
import { spanInWords } from '../waiting.js';

const OUT_OF_CAPACITY =
  /CapacityError|Unable to provision requested ML compute capacity|InsufficientInstanceCapacity|insufficient capacity/i;

/** What a status means: the end that was wanted, the failure it is, or undefined while the job runs. A status not known is never success. */
export function verdictOn(name: string, job: Job): TrainingEnded | ApplicationFailure | undefined {
  switch (job.TrainingJobStatus) {
    case 'InProgress':
    case 'Stopping':
      return undefined;
    case 'Completed':
      return completed(name, job);
    case 'Failed':
      return failed(name, job);
    case 'Stopped':
      return stopped(name, job);
    default:
      return unknownStatus(name, job.TrainingJobStatus);
  }
}

/** A status that Perennial doesn't know, or that no job it waits for should have. */
export const unknownStatus = (name: string, status: string | undefined) =>
  fail(
    'UnknownStatus',
    `Training job ${name} is in status "${status ?? ''}", of which nothing is known here, so it isn't taken for a success: look at the job in the SageMaker console, then start a new run`,
  );

function completed(name: string, job: Job): TrainingEnded | ApplicationFailure {
  const artifactUri = job.ModelArtifacts?.S3ModelArtifacts;
  if (!artifactUri) {
    return fail(
      'TrainingFailed',
      `Training job ${name} completed without a model artefact: let the image write to /opt/ml/model`,
    );
  }
  return {
    trainingJob: name,
    artifactUri,
    metrics: metricsOf(job),
    billableSeconds: job.BillableTimeInSeconds ?? job.TrainingTimeInSeconds ?? 0,
  };
}

/** The last value of each metric. One that is no finite number can't cross JSON and says nothing. */
function metricsOf(job: Job): Metric[] {
  return (job.FinalMetricDataList ?? []).flatMap(({ MetricName: name, Value: value }) =>
    name !== undefined && value !== undefined && Number.isFinite(value) ? [{ name, value }] : [],
  );
}

function failed(name: string, job: Job): ApplicationFailure {
  const reason = job.FailureReason?.trim() || 'SageMaker gave no reason';
  if (OUT_OF_CAPACITY.test(reason)) {
    return fail(
      'NoCapacity',
      `Training job ${name}: no capacity for ${job.ResourceConfig?.InstanceType ?? 'its instance type'}: ${reason}`,
    );
  }
  return fail('TrainingFailed', `Training job ${name} failed: ${reason}. ${whereToLook(name)}`);
}

function stopped(name: string, job: Job): ApplicationFailure {
  switch (job.SecondaryStatus) {
    case 'MaxRuntimeExceeded':
      return fail(
        'TrainingTimedOut',
        `Training job ${name} was stopped after its longest run of ${job.StoppingCondition?.MaxRuntimeInSeconds ?? '?'} s: raise training.maxRuntime, or give it less to do`,
      );
    case 'MaxWaitTimeExceeded':
      return waitedTooLong(name, job);
    default:
      return fail(
        'TrainingStopped',
        `Training job ${name} was stopped by somebody before it had completed: CloudTrail (StopTrainingJob) says by whom; start a new run`,
      );
  }
}

/**
 * The limit of a spot job holds for waiting and training together (API reference, StoppingCondition.MaxWaitTimeInSeconds). One that never
 * trained found no capacity, which another instance type may have; one that did needs more time on any.
 */
function waitedTooLong(name: string, job: Job): ApplicationFailure {
  const limit = `${job.StoppingCondition?.MaxWaitTimeInSeconds ?? '?'} s`;
  const advice = 'raise training.spot.maxWait, or leave spot out';
  if ((job.TrainingTimeInSeconds ?? 0) > 0) {
    return fail(
      'TrainingTimedOut',
      `Training job ${name} was stopped after waiting for spot capacity and training for ${limit} together: ${advice}`,
    );
  }
  return fail(
    'NoCapacity',
    `Training job ${name} had no spot capacity for ${job.ResourceConfig?.InstanceType ?? 'its instance type'} within ${limit}: ${advice}`,
  );
}

const whereToLook = (name: string) =>
  `Its log is in CloudWatch Logs: group /aws/sagemaker/TrainingJobs, streams ${name}/…`;

/** A running job's state for people: `InProgress: Training for 12 min`, and how old it is where that is more than was asked for. */
export function statusInWords(view: {
  status: string;
  secondary?: string;
  forMs: number;
  ageMs: number;
  againMs?: number;
}): string {
  const detail = view.secondary && view.secondary !== view.status ? `${view.secondary} ` : '';
  const late =
    view.againMs === undefined ? '' : `, as of ${spanInWords(view.ageMs)} ago: SageMaker is slow to list training jobs`;
  return `${view.status}: ${detail}for ${spanInWords(view.forMs)}${late}`;
}
