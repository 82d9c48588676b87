import type { FileRecord, OutcomeObject } from '../contracts/records.js';
import type { Outcome, RunRow } from '../contracts/runs.js';

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
}
