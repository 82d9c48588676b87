import type { CreateTransformJobRequest, TransformJobStatus } from '@aws-sdk/client-sagemaker';
import type { Plan } from '../context.js';

/** The request as it came over the wire, without tags: those are kept by ARN. */
export type TransformRequest = Omit<CreateTransformJobRequest, 'Tags'> & {
  readonly TransformJobName: string;
  readonly ModelName: string;
};

/** What the platform adds; member names are DescribeTransformJob's. Times in epoch seconds. */
interface TransformState {
  TransformJobArn: string;
  TransformJobStatus: TransformJobStatus;
  CreationTime: number;
  LastModifiedTime: number;
  TransformStartTime?: number;
  TransformEndTime?: number;
  FailureReason?: string;
}

/** A transform job as it is stored, kind `transform-job`. */
export interface TransformJob {
  readonly TransformJobName: string;
  readonly request: TransformRequest;
  readonly state: TransformState;
  /** Of a job that a control rule matched. */
  readonly plan?: Plan;
}
