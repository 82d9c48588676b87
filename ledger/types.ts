import type { ChainKind, ChainRow } from '../contracts/purge/audit.js';
import type { FileRecord, OutcomeObject } from '../contracts/records.js';
import type { RunRow } from '../contracts/questions.js';
import type { Outcome } from '../contracts/runs.js';

/** An outcome object and the S3 URI it was read from. */
export interface StoredOutcome {
  readonly uri: string;
  readonly outcome: OutcomeObject;
}

/** What `recordRun` indexes. The file record is needed where the run started a training job. */
export interface RunRecord extends StoredOutcome {
  readonly fileRecord?: FileRecord;
}

/** Which runs `listRuns` answers, newest first. */
export interface RunFilter {
  readonly model?: string;
  readonly outcome?: Outcome;
  /** At most so many rows. */
  readonly limit: number;
  /** Workflow id of the last row seen: the rows after it follow. */
  readonly before?: string;
}

/** A deployment and, when it is over, what ended it. Times are ISO 8601 UTC. */
export interface Deployment {
  readonly endpoint: string;
  readonly endpointConfig: string;
  readonly run: string;
  readonly model: string;
  readonly modelName?: string;
  readonly deployedAt: string;
  readonly supersededAt?: string;
  readonly deletedAt?: string;
  /** Neither superseded nor deleted. */
  readonly live: boolean;
}

/** One version of an object with the runs of one model that trained on it first and last. Sizes are bytes. */
export interface FileVersion {
  readonly bucket: string;
  readonly key: string;
  readonly model: string;
  readonly channel: string;
  readonly etag: string;
  readonly versionId?: string;
  readonly size: number;
  /** YYYY-MM-DD, of the key. */
  readonly date: string;
  readonly firstRun: string;
  readonly lastRun: string;
}

/** What is appended to the chain. `body` becomes canonical JSON. */
export interface ChainEntry {
  readonly kind: ChainKind;
  readonly body: {
    readonly request: string;
    readonly execution: string;
    /** Of a `target`. */
    readonly target?: { readonly hash: string };
  };
}

/** A keyed hash of a row's hash, with a key that isn't the database's. */
export type Seal = (hash: string) => string;

/** Where a model's runs leave their records: `s3://bucket/<data.output>`. */
export interface ModelRecords {
  readonly model: string;
  readonly uri: string;
}

/** Between which starts of a model's runs (ISO 8601, both included) a file, or any of several, was trained on. */
export interface FileSpan {
  readonly model: string;
  readonly from: string;
  readonly to: string;
  /** There where it is about one key. */
  readonly key?: string;
}

/** A run with a file record of its own. Without a training job it only looked at the files. */
export interface UsingRun {
  readonly run: string;
  readonly model: string;
  readonly outcome: Outcome;
  readonly trainingJob?: string;
  /** SageMaker model. */
  readonly modelName?: string;
  readonly artifactUri?: string;
  readonly fileRecordUri: string;
}

/** What an endpoint served, or serves. */
export type Served = Omit<Deployment, 'supersededAt' | 'deletedAt'>;

/** A key, and what stands in its place. */
export interface KeyReplacement {
  readonly key: string;
  readonly replacement: string;
}

/**
 * The index of runs in PostgreSQL. Every method rejects with pg's own error (its `code` says which) when the database
 * can't be reached or refuses.
 */
export interface Ledger {
  /**
   * Indexes a run in one transaction. Safe to repeat, and the order of calls does not matter.
   *
   * @throws TypeError if the run started a training job and its file record is missing or another run's
   */
  recordRun(record: RunRecord): Promise<void>;
  /** The endpoint was deleted at `at` (ISO 8601): what was live on it no longer is. Safe to repeat. */
  recordEndpointDeleted(endpoint: string, at: string): Promise<void>;
  /** @throws RangeError if `before` is a run that the ledger doesn't have */
  listRuns(filter: RunFilter): Promise<RunRow[]>;
  /** The run of a workflow id, with its outcome object as S3 has it. */
  getRun(run: string): Promise<StoredOutcome | undefined>;
  /** What the endpoint runs, as far as runs told; the endpoint itself is the truth. */
  liveDeployment(endpoint: string): Promise<Deployment | undefined>;
  /** Every deployment of an endpoint, newest first. */
  deployments(endpoint: string): Promise<Deployment[]>;
  /**
   * The file versions in use by the run's model when it started, by key. All files of the run are among them; so is a file
   * that runs before and after used and this one, with an older as-of date, did not. The exact list is its file record.
   */
  filesOfRun(run: string): Promise<FileVersion[]>;
  /** Every version of an object that any model trained on, oldest use first. */
  usesOfFile(bucket: string, key: string): Promise<FileVersion[]>;
  /** Where the records of all models lie that any run was indexed of. */
  records(): Promise<ModelRecords[]>;
  /** One span for each of the keys and each model that trained on it. */
  spansOfKeys(bucket: string, keys: readonly string[]): Promise<FileSpan[]>;
  /** One span for each model that trained on any key that starts so. */
  spansOfPrefix(bucket: string, prefix: string): Promise<FileSpan[]>;
  /** The runs of a span's model that started within it and had a training job, in order. */
  trainedBetween(span: FileSpan): Promise<UsingRun[]>;
  /** Runs that came to a file record, and to no training job. */
  untrained(): Promise<UsingRun[]>;
  /** Those of these workflow ids that are not indexed. */
  unknownRuns(runs: readonly string[]): Promise<string[]>;
  /** All deployments of the endpoints that ever served one of these SageMaker models, or one of these runs; newest first. */
  servedBy(what: { readonly runs: readonly string[]; readonly modelNames: readonly string[] }): Promise<Served[]>;
  /** At most so many keys that start so. */
  keysUnder(bucket: string, prefix: string, limit: number): Promise<string[]>;
  /** Puts something else in the place of keys; answers in how many rows. Safe to repeat. */
  replaceKeys(bucket: string, replacements: readonly KeyReplacement[]): Promise<number>;
  /**
   * Empties the index and fills it from S3's objects in one transaction: readers see the old rows until it is done, and
   * `recordRun` waits. Deletions of endpoints stay, since no object in S3 tells of them.
   *
   * @param readFileRecord reads a file record by its URI; called for runs that started a training job
   * @returns how many runs and file versions the index holds now
   */
  rebuild(
    outcomes: AsyncIterable<StoredOutcome>,
    readFileRecord: (uri: string) => Promise<FileRecord>,
  ): Promise<{ runs: number; files: number }>;
  /**
   * Appends to the audit chain, in order and in one transaction, what the execution doesn't have there yet: one row a kind, and of the kind
   * `target` one a target. All entries are of one execution. Answers the row of the last entry, which may have been there before.
   */
  appendChain(entries: readonly ChainEntry[], seal: Seal): Promise<ChainRow>;
  /**
   * The next rows of the chain by sequence, as they stand, at most `limit`. `place` tells rows of one sequence apart, where somebody has made
   * such: hand back what the last page answered.
   */
  readChain(
    after: { readonly sequence: number; readonly place?: string },
    limit: number,
  ): Promise<{ rows: ChainRow[]; place?: string }>;
  /** Rows of a request but for its targets, and how many targets each execution has in the chain. */
  chainOfRequest(
    request: string,
  ): Promise<{ rows: ChainRow[]; targets: readonly { readonly execution: string; readonly targets: number }[] }>;
  /** The first targets of an execution. */
  chainTargets(of: { readonly request: string; readonly execution: string }, limit: number): Promise<ChainRow[]>;
  /** Rows of the targets with one of these keyed hashes. */
  chainByTarget(hashes: readonly string[]): Promise<ChainRow[]>;
  /** `ended` rows of executions whose targets are in their report alone. */
  chainWithoutTargets(): Promise<ChainRow[]>;
  /** What no longer keeps the chain append-only in the database, in sentences; empty if all is as the migration made it. */
  chainGuards(): Promise<string[]>;
}
