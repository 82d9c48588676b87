import type { PurgeWork } from './index.js';

/** What file records and ledger have in place of a key that was erased. */
export const purgedKey = (hash: string) => `purged:${hash}`;
/** Exact, so that no key of data is taken for one: 43 characters of base64url. */
export const isPurgedKey = (key: string) => /^purged:[\w-]{43}$/.test(key);

/** What saw the targets, in counts and names of models and endpoints; keys and lists are in the object `lineageUri`. */
export interface LineageSummary {
  readonly runs: number;
  /** Model definitions (names) whose runs trained or were judged on it. */
  readonly models: readonly string[];
  /** Of these, those whose live SageMaker model trained on it. */
  readonly live: readonly string[];
  /** Training and transform jobs that read it now. */
  readonly runningJobs: readonly string[];
  readonly batchOutputs: number;
  /** Other requests that erased one of the prefixes before, along with other targets: what used it is in their certificates, and not here. */
  readonly elsewhere?: readonly string[];
  /** LineageAnswer, encrypted, kept with the purge; keys as keyed hashes. */
  readonly lineageUri: string;
  /** Of a dry run: the records that keyed hashes would come into. */
  readonly records?: RecordsPlanned;
}

/** What one version of a file went into. */
export interface FileLineage {
  /** `s3://bucket/key`; `purged:<keyed hash>` for a key that was erased. */
  readonly uri: string;
  readonly etag: string;
  readonly versionId?: string;
  /** By way of a mounted file system. */
  readonly mounted?: boolean;
  readonly uses: readonly FileUse[];
}

export interface FileUse {
  readonly run: string;
  readonly model: string;
  readonly channel: string;
  readonly outcome: string;
  /** trained: went into a training; judged: held out, or listed by a run that trained nothing. */
  readonly as: 'trained' | 'judged';
  readonly trainingJob?: string;
  /** SageMaker model. */
  readonly modelName?: string;
  readonly artifactUri?: string;
}

export interface LineageEndpoint {
  readonly endpoint: string;
  readonly endpointConfig: string;
  readonly modelName?: string;
  readonly run: string;
  readonly deployedAt: string;
  readonly live: boolean;
}

export interface BatchOutput {
  readonly transformJob: string;
  readonly modelName: string;
  readonly outputUri: string;
  /** `model`: made by a model that trained on the file; `input`: the file was transformed. */
  readonly because: 'model' | 'input';
}

/** Answer of `perennial lineage`. */
export interface LineageAnswer {
  readonly files: readonly FileLineage[];
  readonly endpoints: readonly LineageEndpoint[];
  readonly batchOutputs: readonly BatchOutput[];
  /** Of a dry run: URIs of records of runs that would be rewritten, and of predictions that would go; at most 10,000. */
  readonly records?: readonly string[];
  /** What could not be looked at, in sentences. */
  readonly warnings: readonly string[];
}

/** Records of runs that name targets. */
export interface RecordsPlanned {
  readonly fileRecords: number;
  readonly manifests: number;
  /** Score records, and predictions that runs were asked to keep. */
  readonly scores: number;
}

/** What was rewritten so that no key remains: file records, manifests, score records, rows of the ledger. */
export interface RecordsRedacted extends RecordsPlanned {
  readonly ledgerRows: number;
}

/** Input of the workflow `lineage` -> Answered: see `lineageOfFile`. */
export type LineageInput = Parameters<LineageActivities['lineageOfFile']>[0];

/** Input of the workflow `liftTombstones` -> LiftResult. No key stands in it. */
export interface LiftInput {
  /** Id of the request that asks for the keys to be let in again. */
  readonly request: string;
  readonly reason: string;
  readonly by: string;
  /** S3 URI of the list of keys, which is erased at the end. */
  readonly targetsUri: string;
  readonly storage: PurgeWork['storage'];
}

export interface LiftResult {
  /** Keys that had a tombstone. */
  readonly lifted: number;
  /** Of the row in the audit chain. */
  readonly sequence: number;
  readonly head: string;
}

export interface LineageActivities {
  /**
   * Who saw the file that stands in the input object ({ uri, versionId? } as JSON); writes LineageAnswer to `outputUri`. Keys travel in
   * exchange objects only.
   */
  lineageOfFile(input: {
    inputUri: string;
    outputUri: string;
    storage: PurgeWork['storage'];
  }): Promise<{ bytes: number }>;
  /**
   * Who saw the targets of a purge, also those that earlier executions of the request erased under a prefix, and purges of other requests that
   * named nothing else. With `outputUri` (a dry run) the answer keeps its keys and goes there; nothing else is written
   * then.
   */
  lineageOfTargets(input: PurgeWork & { outputUri?: string }): Promise<LineageSummary>;
  /** Stops the jobs that read the targets now, and answers once they stand; InProgress until then. */
  stopReaders(input: PurgeWork & { jobs: readonly string[] }): Promise<{ stopped: readonly string[] }>;
  /** Puts the targets out of every later manifest, at once: hashes of objects, and prefixes in plain in an encrypted object. */
  setTombstones(input: PurgeWork): Promise<{ objects: number; prefixes: number }>;
  /** Removes the plain tombstones of prefixes: the hashes of their keys, which eraseObjects has written, hold from now on. */
  settleTombstones(input: PurgeWork): Promise<void>;
  /** Lets keys into manifests again that stand in the list; answers how many had a tombstone. */
  liftTombstones(input: PurgeWork): Promise<{ lifted: number }>;
  /** Replaces the targets' keys by keyed hashes in file records, manifests, score records and ledger, and erases the old versions of the records. */
  redactRecords(input: PurgeWork): Promise<RecordsRedacted>;
}
