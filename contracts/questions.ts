import type { Definition } from './definition/index.js';
import type { Answered, CompareInput, LogsInput, ReportInput } from './insight.js';
import type { OrphanReport, OrphansInput } from './orphans.js';
import type { PreparePreview } from './prepare.js';
import type { AuditVerdict, AuditVerifyInput, CertifyInput, FindErasedInput } from './purge/audit.js';
import type { LiftInput, LiftResult, LineageInput } from './purge/lineage.js';
import type { PurgeForgetInput, PurgePlanInput, PurgePlanned } from './purge/process.js';
import type { OutcomeObject } from './records.js';
import type { ResumeInput, ResumePlan } from './resume.js';
import type { Outcome, RunRequest } from './runs.js';
import type { ReconcileInput, ReconcileResult } from './storage/state.js';
import type { ChangePlan, ChangePlanInput, Versions, VersionsInput } from './versions.js';

/** Input of `preview` -> Preview. */
export interface PreviewInput {
  readonly definition: Definition;
  readonly request: RunRequest;
}

/** What `run --dry-run` answers: what a run would find and do. Nothing is written. */
export interface Preview {
  readonly wouldTrain: boolean;
  readonly reasons: readonly string[];
  readonly asOf: string;
  readonly files: number;
  readonly bytes: number;
  readonly oldestDate?: string;
  readonly newestDate?: string;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  readonly image: string;
  readonly instanceTypes: readonly string[];
  readonly endpointAction: 'create' | 'update' | 'none';
  readonly endpoint: string;
  /** What it would have a warehouse do first: the files above are those of before. */
  readonly prepare?: PreparePreview;
  readonly warnings: readonly string[];
}

/** Input of `invoke` -> InvokeResult. Rows and answer are exchange objects. */
export interface InvokeInput {
  readonly definition: Definition;
  readonly inputUri: string;
  readonly outputUri: string;
  readonly contentType: string;
  readonly accept?: string;
}

export interface InvokeResult {
  readonly status: number;
  readonly bytes: number;
  readonly variant?: string;
}

/** One line of `perennial runs`. */
export interface RunRow {
  readonly run: string;
  readonly model: string;
  readonly outcome: Outcome;
  readonly reason: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly files?: number;
  readonly trainingJob?: string;
  readonly endpointConfig?: string;
}

/** Input of `ledgerQuery`: what the CLI asks of the ledger, by way of the worker. */
export type LedgerQuery =
  | { readonly kind: 'listRuns'; readonly model?: string; readonly outcome?: Outcome; readonly limit: number }
  | { readonly kind: 'showRun'; readonly run: string }
  | { readonly kind: 'rebuild'; readonly sources: { readonly bucket: string; readonly output: string }[] };

/** Answer of `ledgerQuery`, by kind. */
export type LedgerAnswer =
  | { readonly kind: 'listRuns'; readonly runs: readonly RunRow[] }
  | { readonly kind: 'showRun'; readonly run?: OutcomeObject }
  | { readonly kind: 'rebuild'; readonly runs: number; readonly files: number };

/** The short workflows that answer for the worker: input and answer of each. */
export interface Questions {
  preview: [PreviewInput, Preview];
  invoke: [InvokeInput, InvokeResult];
  ledgerQuery: [LedgerQuery, LedgerAnswer];
  resumable: [ResumeInput, ResumePlan];
  orphans: [OrphansInput, OrphanReport];
  purgePlan: [PurgePlanInput, PurgePlanned];
  purgeForget: [PurgeForgetInput, void];
  versions: [VersionsInput, Versions];
  changePlan: [ChangePlanInput, ChangePlan];
  compareRuns: [CompareInput, Answered];
  collectReport: [ReportInput, Answered];
  readLogs: [LogsInput, Answered];
  reconcile: [ReconcileInput, ReconcileResult];
  auditVerify: [AuditVerifyInput, AuditVerdict];
  certify: [CertifyInput, Answered];
  findErased: [FindErasedInput, Answered];
  lineage: [LineageInput, Answered];
  liftTombstones: [LiftInput, LiftResult];
}
