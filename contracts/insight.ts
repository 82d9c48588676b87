import type { Definition } from './definition/index.js';
import type { ScoreRecord } from './evaluation.js';
import type { ImageIdentity } from './images.js';
import type { OutcomeObject, TrainingSummary } from './records.js';

/**
 * Questions about runs whose answers hold keys of data, log text or more than 64 KB. The worker writes the answer as JSON to `outputUri`, an
 * exchange object encrypted with the definition's key; the caller reads and deletes it. Temporal carries its size alone.
 */
interface Question {
  /** Whose bucket and key the answer is written with. */
  readonly definition: Definition;
  readonly outputUri: string;
}

/** How many bytes the answer has. */
export interface Answered {
  readonly bytes: number;
}

/** The most runs that are compared at once, and the fewest. */
export const COMPARED_RUNS = { least: 2, most: 10 } as const;

/** Input of `compareRuns`: ids of runs that have ended. The others are compared with the first. */
export interface CompareInput extends Question {
  readonly runs: readonly string[];
}

/** What a training job was made with, and what it took. */
export interface TrainingFacts extends Partial<TrainingSummary>, ImageIdentity {
  readonly trainingJob: string;
  /** `sagemaker`: as DescribeTrainingJob says; `outcome`: as the run recorded it, the job being gone. */
  readonly source: 'sagemaker' | 'outcome';
  readonly billableSeconds?: number;
  readonly volumeGiB?: number;
  readonly maxRuntimeSeconds?: number;
  readonly spot?: boolean;
}

/** Files of a run, and how they differ from those of the first run. Keys are whole S3 keys; those of another bucket are URIs. */
export interface FileDifference {
  readonly files: number;
  readonly bytes: number;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

export interface ComparedRun {
  readonly outcome: OutcomeObject;
  /** Absent where the run started no training. */
  readonly training?: TrainingFacts;
  /** What it trained on; absent where it recorded no files. */
  readonly files?: FileDifference;
  /** What it was judged on; absent where it kept no rows for that. */
  readonly holdout?: FileDifference;
}

/** Answer of `compareRuns`, in the order that was asked for. */
export interface Comparison {
  readonly runs: readonly ComparedRun[];
}

/** Input of `collectReport`: one model's runs, newest first. */
export interface ReportInput extends Question {
  readonly model: string;
  readonly limit: number;
}

/** Answer of `collectReport`. */
export interface ReportData {
  readonly model: string;
  readonly runs: readonly OutcomeObject[];
  /** Of the last run that was evaluated. */
  readonly score?: { readonly run: string; readonly record: ScoreRecord };
  /** In a sentence: why there is no score although a run was evaluated. */
  readonly noScore?: string;
}

/** Input of `readLogs`. */
export interface LogsInput extends Question {
  /** CloudWatch Logs group. */
  readonly group: string;
  /** Beginning of the names of the streams. */
  readonly prefix: string;
  /** Earlier events are left out; epoch milliseconds. */
  readonly since?: number;
  /** Where to go on, by stream, as the last answer said. */
  readonly cursors: Readonly<Record<string, string>>;
  /** Its status is told. */
  readonly trainingJob?: string;
}

export interface LogLine {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly text: string;
}

/** The next lines of one stream. */
export interface LogPage {
  readonly stream: string;
  readonly lines: readonly LogLine[];
  readonly cursor: string;
  /** Whether further lines are there already. */
  readonly more: boolean;
}

/** Answer of `readLogs`. */
export interface LogPages {
  /** False where CloudWatch Logs has no such group or stream: nothing was written yet. */
  readonly found: boolean;
  readonly pages: readonly LogPage[];
  /** SageMaker's word, where a training job was named; `Absent` if there is no such job, yet or any more. */
  readonly jobStatus?: string;
  /** Of the training job: how many will write. */
  readonly hosts?: number;
}

export interface InsightActivities {
  /** ResourceMissing for a run without an outcome object. Reads records in S3, the ledger and DescribeTrainingJob. */
  compareRuns(input: CompareInput): Promise<Answered>;
  /** Outcome objects from the ledger, and the last score record from S3. */
  collectReport(input: ReportInput): Promise<Answered>;
  /** One page of each stream of a CloudWatch Logs group. */
  readLogs(input: LogsInput): Promise<Answered>;
}
