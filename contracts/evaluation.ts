import type { RunRef } from './activities.js';
import type { Definition } from './definition/index.js';
import type { MetricName, MetricValues } from './metrics.js';

/** The rows that models are judged on: files of the run's file record that no training channel has. */
export interface Holdout {
  /** Manifest of exactly these files, in the run's folder. */
  readonly manifestUri: string;
  readonly files: number;
  /** SHA-256 of the files as `dataHash` makes it: scores on the same rows can be compared. */
  readonly hash: string;
  /** First and last date of the files. */
  readonly from: string;
  readonly to: string;
}

/** How good one model was on one holdout: immutable, in S3, found by model and holdout. */
export interface ScoreRecord {
  readonly version: 1;
  /** SageMaker model. */
  readonly modelName: string;
  readonly holdoutHash: string;
  readonly rows: number;
  /** Every metric of METRICS that the answers allow: another one may decide tomorrow. */
  readonly metrics: MetricValues;
  /** For people: rows that a metric leaves out. */
  readonly notes: readonly string[];
  /** Evenly drawn rows, at most 500: what was true and what was predicted. For the report. */
  readonly sample: readonly (readonly [actual: number, predicted: number])[];
}

export interface EvaluationStarted {
  /** SageMaker model of the candidate; a deployment takes the same. */
  readonly modelName: string;
  readonly transformJob: string;
  /** What is live, unless there is nothing or it can't be compared. */
  readonly live?: {
    readonly modelName: string;
    /** The transform job that scores it again; absent where its score on this holdout is recorded. */
    readonly transformJob?: string;
  };
  /** Config of the endpoint at this moment; absent without an endpoint. What is judged against this holds for this only. */
  readonly liveConfig?: string;
  /** In a sentence: why candidate and live model are not compared. Absent where they are, or where nothing is live. */
  readonly notCompared?: string;
  readonly warnings: readonly string[];
}

/** What an evaluation found, as it stands in the run's outcome object, in Slack and in the UI. Numbers only: no rows. */
export interface Evaluation {
  /** The one that decides. */
  readonly metric: MetricName;
  readonly holdout: Pick<Holdout, 'hash' | 'files' | 'from' | 'to'>;
  readonly rows: number;
  readonly candidate: { readonly modelName: string; readonly metrics: MetricValues; readonly scoreUri: string };
  readonly live?: {
    readonly modelName: string;
    readonly metrics: MetricValues;
    readonly scoreUri: string;
    /** Whether it was transformed again for this run. */
    readonly rescored: boolean;
  };
  readonly liveConfig?: string;
  readonly notCompared?: string;
  readonly verdict?: GateVerdict;
  readonly approval?: Approval;
}

/** The gate's answer. `reasons` are sentences with the numbers: why it passed, or each thing it failed for. */
export interface GateVerdict {
  readonly passed: boolean;
  readonly reasons: readonly string[];
}

/** Who decided about a candidate, and how. */
export interface Approval {
  readonly decision: 'approved' | 'rejected' | 'timed out';
  /** As the person's client named them; absent for a time-out. */
  readonly by?: string;
  readonly note?: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Argument of the update `decide` of `retrain`. */
export interface Decision {
  readonly approve: boolean;
  readonly by: string;
  readonly note?: string;
}

/** Stage "evaluate". */
export interface EvaluationActivities {
  /**
   * Makes the candidate's SageMaker model and its transform job over the holdout, and one of the live model unless its score on this
   * holdout is recorded or it can't be compared. `round` counts from 1: what is live may change while a run waits, and is then judged again.
   */
  startEvaluation(input: {
    ref: RunRef;
    definition: Definition;
    image: string;
    artifactUri: string;
    trainingJob: string;
    fileRecordUri: string;
    holdout: Holdout;
    round: number;
  }): Promise<EvaluationStarted>;
  /** Answers once all have completed. InProgress until then; TransformFailed, TransformStopped, UnknownStatus. */
  awaitTransforms(input: { ref: RunRef; transformJobs: readonly string[]; poll: string }): Promise<void>;
  /**
   * Reads answers and truth as streams, writes each model's score record, and answers the numbers. DataInvalid names file and line of a
   * row that is missing, too many or unreadable.
   */
  scoreModels(input: {
    ref: RunRef;
    definition: Definition;
    fileRecordUri: string;
    holdout: Holdout;
    started: EvaluationStarted;
  }): Promise<Evaluation>;
  /**
   * Leaves of an evaluation what is wanted: stops the run's transform jobs, and answers once they stand (InProgress until then); then removes
   * their outputs and, unless `keepModel`, the candidate's SageMaker model where no endpoint config uses it. Safe before anything was made.
   * With `evaluation.keep` only the jobs are stopped.
   */
  forgetEvaluation(input: {
    ref: RunRef;
    definition: Definition;
    keepModel: boolean;
  }): Promise<{ removed: number; warnings: readonly string[] }>;
}
