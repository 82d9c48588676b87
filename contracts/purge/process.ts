import type { LineageSummary, RecordsRedacted } from './lineage.js';
import type { AuditRecorded } from './audit.js';
import type { Storage } from '../storage/index.js';
import type {
  Blocked,
  CopiesErased,
  EntryCounts,
  Erased,
  PurgeInput,
  PurgeRef,
  PurgeWork,
  RowsErased,
  TargetsSeen,
} from './index.js';

/** How a purge ends as its value: all gone; something blocked until a date or a change of rights; or all gone that was there, and something came since. */
export type PurgeOutcome = 'Purged' | 'Blocked' | 'Reuploaded';

export type PurgeStage = 'inspect' | 'lineage' | 'erase' | 'verify' | 'records' | 'retrain' | 'done';

/** Value of `purge`. */
export interface PurgeResult {
  readonly outcome: PurgeOutcome;
  readonly reason: string;
  readonly request: string;
  readonly targets: Pick<TargetsSeen, 'objects' | 'prefixes' | 'values'>;
  readonly erased: Erased;
  readonly copies: CopiesErased;
  readonly rows?: RowsErased;
  readonly remaining: EntryCounts;
  readonly later: number;
  readonly blocked: readonly Blocked[];
  readonly lineage: LineageSummary;
  readonly records: RecordsRedacted;
  /** Runs started for the live models, with how they ended. */
  readonly retrained: readonly RetrainedModel[];
  readonly audit: AuditRecorded;
  readonly seconds: number;
  readonly warnings: readonly string[];
}

export interface RetrainedModel {
  readonly model: string;
  readonly run: string;
  /** Outcome of the run, or `Unknown` where Temporal no longer has it. */
  readonly outcome?: string;
  readonly reason?: string;
}

/** Answer of the query `progress` of `purge`. */
export interface PurgeProgress {
  readonly stage: PurgeStage;
  /** There once the list was read. */
  readonly targets?: Pick<TargetsSeen, 'objects' | 'prefixes' | 'values'>;
  readonly outcome?: PurgeOutcome | 'Failed' | 'Cancelled';
  readonly reason?: string;
  readonly erased: EntryCounts;
  /** Files on mounts, of all executions, that were unlinked and had other links: for who resumes it. */
  readonly links?: number;
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

/** Heartbeat of `eraseObjects` and `verifyObjects`: what a follower sees between two answers. Counts only: a heartbeat may enter history. */
export interface EraseHeartbeat extends EntryCounts {
  /** Entries a second over the last ten seconds. */
  readonly rate: number;
  readonly keys: number;
  /** Targets looked at, of those that the purge has; absent from workers of before. */
  readonly targets?: number;
}

/** Input of the workflow `purgeForget`: `ref` is the execution that is not to be resumed. */
export interface PurgeForgetInput {
  readonly ref: PurgeRef;
  readonly targetsUri: string;
  readonly storage?: Storage;
}

/** Input of the workflow `purgePlan`, what a dry run asks. The answers hold keys: they go to exchange objects. */
export interface PurgePlanInput extends Pick<PurgeInput, 'targetsUri' | 'options' | 'storage'> {
  /** Where PurgePlanObjects, PurgePlanCopies and RowsPlan go, and LineageAnswer. A list with values has a RowsPlan alone, one without has none. */
  readonly outputs: {
    readonly objects: string;
    readonly copies: string;
    readonly rows: string;
    readonly lineage: string;
  };
}

/** Value of `purgePlan`. */
export interface PurgePlanned {
  readonly targets: TargetsSeen;
  readonly lineage: LineageSummary;
}

/** Runs that a purge wants, by way of the models' entities. */
export interface RetrainActivities {
  /** Asks the entity of each live model for a run (`force`), once an execution of the purge. */
  requestRetrains(input: PurgeWork & { models: readonly string[] }): Promise<{ runs: readonly RetrainedModel[] }>;
  /** Answers once all runs are over. InProgress until then. */
  awaitRetrains(input: { runs: readonly RetrainedModel[]; poll: string }): Promise<{ runs: readonly RetrainedModel[] }>;
}
