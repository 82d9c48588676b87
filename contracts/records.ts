import type { Evaluation } from './evaluation.js';
import type { FailureType } from './failures.js';
import type { ImageIdentity } from './images.js';
import type { RunKind } from './names.js';
import type { Prepared } from './prepare.js';
import type { Outcome, Trigger } from './runs.js';
import type { Change } from './versions.js';

/** One object that a run trained on. Dates are those of the key, sizes bytes. */
export interface FileEntry {
  readonly channel: string;
  readonly key: string;
  readonly date: string;
  readonly etag: string;
  readonly size: number;
  /** The version that was current when the run looked. Absent: the null version, the only one of a bucket that keeps none. */
  readonly versionId?: string;
  /**
   * It came by a mounted file system. `key` is then that of the object it mirrors, or `fs-…:/directory/file` of a folder that mirrors none; `etag`
   * is its time of modification, `date` that of its path, else of that time.
   */
  readonly mounted?: true;
}

/** What a run looked at: immutable, in S3, named by the run. Entries are sorted by channel and key; `dataHash` is the SHA-256 of them. */
export interface FileRecord {
  readonly version: 1;
  readonly model: string;
  readonly run: string;
  readonly bucket: string;
  readonly asOf: string;
  /** The run that this one takes up, whose files these are. */
  readonly resumes?: string;
  readonly dataHash: string;
  readonly definitionHash: string;
  /** As `definitionHash`, without what only says how the model is served. */
  readonly modelHash?: string;
  /** The channel whose files the run kept from training, to judge on; without it all were trained on. */
  readonly holdout?: string;
  readonly files: readonly FileEntry[];
}

/** A metric of a training job as SageMaker reports it: the last value seen. */
export interface Metric {
  readonly name: string;
  readonly value: number;
}

/** What a training job was made with. Hyperparameters as SageMaker takes them: strings. */
export interface TrainingSummary {
  readonly algorithm?: string;
  readonly image: string;
  readonly hyperparameters: Readonly<Record<string, string>>;
  readonly instanceType: string;
  readonly instanceCount: number;
}

/** How a run ended: one immutable object a run, the truth that the ledger is rebuilt from. Times are ISO 8601 UTC. */
export interface OutcomeObject extends ImageIdentity {
  readonly version: 1;
  readonly run: string;
  readonly temporalRunId: string;
  readonly model: string;
  /** A run without it. A change by hand trains nothing: files and hashes are those of the run whose model it put in service. */
  readonly kind?: RunKind;
  readonly change?: Change;
  readonly outcome: Outcome;
  /** In one sentence, for people: why it ended so. */
  readonly reason: string;
  readonly failureType?: FailureType;
  readonly trigger: Trigger;
  /** The run that this one takes up. */
  readonly resumes?: string;
  /** Whether it was asked to leave the endpoint alone. */
  readonly noDeploy?: boolean;
  readonly asOf?: string;
  readonly startedAt: string;
  readonly endedAt: string;
  /** Seconds spent in each stage. */
  readonly stages: Readonly<Record<string, number>>;
  readonly dataHash?: string;
  readonly definitionHash?: string;
  /** Of a change by hand. */
  readonly modelHash?: string;
  readonly fileRecordUri?: string;
  readonly manifestUri?: string;
  readonly files?: number;
  readonly trainingJob?: string;
  readonly image?: string;
  readonly instanceType?: string;
  readonly billableSeconds?: number;
  /** Kept because SageMaker's own account of a job, and Temporal's of a run, can be deleted. */
  readonly training?: TrainingSummary;
  readonly artifactUri?: string;
  readonly metrics: readonly Metric[];
  readonly modelName?: string;
  readonly endpoint?: string;
  readonly endpointConfig?: string;
  readonly deployedAt?: string;
  readonly evaluation?: Evaluation;
  /** What a warehouse made before the run looked at its data. */
  readonly prepared?: Prepared;
  readonly warnings: readonly string[];
}

/** Names the run whose model is deployed: `deployed.json`. */
export interface DeployedPointer {
  readonly version: 1;
  readonly run: string;
  readonly runTime: string;
  readonly fileRecordUri: string;
  readonly dataHash: string;
  readonly definitionHash: string;
  readonly modelHash?: string;
  readonly endpoint: string;
  readonly endpointConfig: string;
  readonly newestDate: string;
  readonly deployedAt: string;
}

/** Names the last run whose model was deployed and taken back, or rejected: `refused.json`. */
export interface RefusedPointer {
  readonly version: 1;
  readonly run: string;
  readonly runTime: string;
  readonly fileRecordUri: string;
  readonly dataHash: string;
  readonly definitionHash: string;
  readonly why: 'rolled back' | 'rejected';
  /** In a sentence, for the runs that find no news because of it. */
  readonly reason: string;
  /** SHA-256 of what a rejected candidate was judged by: with another gate it may be judged again. */
  readonly gateHash?: string;
}
