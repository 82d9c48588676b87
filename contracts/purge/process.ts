import type { LineageSummary, RecordsRedacted } from './lineage.js';
import type { AuditRecorded } from './audit.js';
import type { Blocked, CopiesErased, EntryCounts, PurgeWork, RowsErased, TargetsSeen } from './index.js';

/** How a purge ends as its value: all gone; something blocked until a date or a change of rights; or all gone that was there, and something came since. */
export type PurgeOutcome = 'Purged' | 'Blocked' | 'Reuploaded';

export const PURGE_STAGES = ['inspect', 'lineage', 'erase', 'verify', 'records', 'retrain', 'done'] as const;
export type PurgeStage = (typeof PURGE_STAGES)[number];

/** Value of `purge`. */
export interface PurgeResult {
  readonly outcome: PurgeOutcome;
  readonly reason: string;
  readonly request: string;
  readonly targets: Pick<TargetsSeen, 'objects' | 'prefixes' | 'values'>;
  readonly erased: EntryCounts & { readonly keys: number };
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
  readonly outcome?: PurgeOutcome | 'Failed' | 'Cancelled';
  readonly reason?: string;
  readonly erased: EntryCounts;
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

/** Heartbeat of `eraseObjects`: what a follower sees between two legs. Counts only: a heartbeat may enter history. */
export interface EraseHeartbeat extends EntryCounts {
  /** Entries a second over the last ten seconds. */
  readonly rate: number;
  readonly keys: number;
}

/** Runs that a purge wants, by way of the models' entities. */
export interface RetrainActivities {
  /** Asks the entity of each live model for a run (`force`), once an execution of the purge. */
  requestRetrains(input: PurgeWork & { models: readonly string[] }): Promise<{ runs: readonly RetrainedModel[] }>;
  /** Answers once all runs are over. InProgress until then. */
  awaitRetrains(input: { runs: readonly RetrainedModel[]; poll: string }): Promise<{ runs: readonly RetrainedModel[] }>;
}
