import type { CreateTrainingJobRequest, SecondaryStatus } from '@aws-sdk/client-sagemaker';
import type { Plan } from '../context.js';

/** A stage that a job went through; the last one has no EndTime while the job runs. Times in epoch seconds. */
export interface Transition {
  readonly Status: SecondaryStatus;
  readonly StartTime: number;
  EndTime?: number;
  StatusMessage: string;
}

export interface FinalMetric {
  readonly MetricName: string;
  readonly Value: number;
  /** Epoch seconds. */
  readonly Timestamp: number;
}

/** The request as it came over the wire, without tags: those are kept by ARN. */
export type TrainingRequest = Omit<CreateTrainingJobRequest, 'Tags'> & { readonly TrainingJobName: string };

/** What the platform adds to a request; member names are DescribeTrainingJob's. Times in epoch seconds. */
export interface TrainingState {
  TrainingJobArn: string;
  /** One of SageMaker's, but for a control rule that shows an unknown one. */
  TrainingJobStatus: string;
  SecondaryStatus: SecondaryStatus;
  SecondaryStatusTransitions: Transition[];
  CreationTime: number;
  LastModifiedTime: number;
  TrainingStartTime?: number;
  TrainingEndTime?: number;
  TrainingTimeInSeconds?: number;
  BillableTimeInSeconds?: number;
  FailureReason?: string;
  ModelArtifacts?: { S3ModelArtifacts: string };
  FinalMetricDataList?: FinalMetric[];
}

/** A training job as it is stored, kind `training-job`. */
export interface TrainingJob {
  readonly TrainingJobName: string;
  readonly request: TrainingRequest;
  state: TrainingState;
  /** Of a job that a control rule matched. */
  readonly plan?: Plan;
}

/** How a test ends a job by hand. */
export interface Verdict {
  readonly action: 'complete' | 'fail';
  readonly reason?: string;
}
