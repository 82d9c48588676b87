import type { Definition } from './definition/index.js';
import type { EvaluationActivities, Holdout } from './evaluation.js';
import type { ImageIdentity } from './images.js';
import type { InsightActivities } from './insight.js';
import type { RunTime } from './names.js';
import type { NotifyActivities } from './notices.js';
import type { PreparePreviewActivities } from './prepare.js';
import type { Metric, OutcomeObject } from './records.js';
import type { Orphan, OrphanReport, StoppedOrphan } from './orphans.js';
import type { AuditActivities } from './purge/audit.js';
import type { LineageActivities } from './purge/lineage.js';
import type { CopyActivities, ErasureActivities, RowActivities } from './purge/index.js';
import type { RetrainActivities } from './purge/process.js';
import type { RetentionActivities } from './retention.js';
import type { ResumeInput, ResumePlan } from './resume.js';
import type { InvokeInput, InvokeResult, Preview, RunRow } from './questions.js';
import type { Outcome, RunRequest } from './runs.js';
import type { StorageActivities } from './storage/state.js';
import type { TransformActivities } from './transforms.js';
import type { VersionActivities } from './versions.js';

/** Which run an activity works for. */
export interface RunRef {
  readonly model: string;
  /** Workflow id. */
  readonly run: string;
  readonly runTime: RunTime;
}

export interface CheckDataInput {
  readonly ref: RunRef;
  readonly definition: Definition;
  readonly asOf: string;
  readonly force: boolean;
}

/** Counts and URIs only: no keys. */
export interface CheckDataResult {
  readonly news: boolean;
  /** Sentences for people: why there is news, or why there is none. */
  readonly reasons: readonly string[];
  readonly files: number;
  readonly bytes: number;
  readonly oldestDate?: string;
  readonly newestDate?: string;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  readonly dataHash: string;
  readonly definitionHash: string;
  /** Written only when there is news. */
  readonly fileRecordUri?: string;
  /** Manifest of the train channel. */
  readonly manifestUri?: string;
  /** Every channel with its manifest. */
  readonly channels: readonly { readonly name: string; readonly manifestUri: string; readonly files: number }[];
  /** There with news where the definition evaluates; its files are among `files`, and in no channel. */
  readonly holdout?: Holdout;
}

/** Stage "check data". */
export interface DataActivities {
  checkData(input: CheckDataInput): Promise<CheckDataResult>;
  /** Compares the bucket with the run's file record once more: how many files changed or vanished since. */
  confirmFiles(input: {
    ref: RunRef;
    definition: Definition;
    fileRecordUri: string;
  }): Promise<{ changed: number; removed: number }>;
  /** What a run would find and do, without a write. */
  previewRun(input: CheckDataInput): Promise<Preview>;
}

/** A training job of an earlier run that a run goes on with. */
export interface ResumedJob extends ImageIdentity {
  readonly trainingJob: string;
  readonly image: string;
  readonly instanceType: string;
  /** There once the job has completed and its artefact was seen; without it the job still runs. */
  readonly ended?: TrainingEnded;
}

export interface ResumeActivities {
  /** Where a run would go on that takes up `resume`, or the refusal. Reads only. */
  planResume(input: ResumeInput): Promise<ResumePlan>;
  /**
   * Takes up an earlier run: its snapshot, confirmed and recorded under this run's name, and its training job if that is of use. A run
   * that came to no snapshot is checked as `checkData` does. Refuses with InvalidRequest, DataChanged or ResourceMissing.
   */
  takeUp(input: CheckDataInput & ResumeInput): Promise<CheckDataResult & { readonly job?: ResumedJob }>;
}

export interface StartTrainingInput {
  readonly ref: RunRef;
  readonly definition: Definition;
  /** Index into training.instances, and with 1 added the last part of the job's name. */
  readonly attempt: number;
  readonly channels: CheckDataResult['channels'];
}

export interface TrainingStarted extends ImageIdentity {
  readonly trainingJob: string;
  readonly image: string;
  readonly instanceType: string;
  /** Whether the job was there already, made by an earlier try of this activity. */
  readonly attached: boolean;
  readonly warnings: readonly string[];
}

export interface TrainingEnded {
  readonly trainingJob: string;
  readonly artifactUri: string;
  readonly metrics: readonly Metric[];
  readonly billableSeconds: number;
}

export interface TrainingActivities {
  /** CreateTrainingJob, or attach to the run's own. Fails with NoCapacity if the instance type has none. */
  startTraining(input: StartTrainingInput): Promise<TrainingStarted>;
  /**
   * Answers when the job has completed; fails with InProgress (retried by the server, not an error) while it runs,
   * NoCapacity, TrainingFailed, TrainingStopped, TrainingTimedOut or UnknownStatus.
   */
  awaitTrainingJob(input: { ref: RunRef; trainingJob: string; poll: string }): Promise<TrainingEnded>;
  /** Stops the job and answers once it is at an end or absent; InProgress until then. */
  stopTrainingJob(input: { ref: RunRef; trainingJob: string }): Promise<{ status: string }>;
}

export interface DeployInput {
  readonly ref: RunRef;
  readonly definition: Definition;
  readonly image: string;
  readonly artifactUri: string;
  readonly trainingJob: string;
  /** What was live when the candidate was judged; null: nothing was. If another config is live, LiveChanged and nothing is touched. */
  readonly judgedAgainst?: string | null;
}

export interface DeploymentStarted {
  readonly modelName: string;
  readonly endpoint: string;
  readonly endpointConfig: string;
  readonly action: 'created' | 'updated';
  /** Config that was live before; what a roll-back returns to. */
  readonly previousConfig?: string;
  /** For people: an endpoint made by hand was taken over. */
  readonly warnings?: readonly string[];
}

export interface EndpointActivities {
  /** Model, endpoint config, then create or update of the endpoint; each found again by name on a retry. */
  startDeployment(input: DeployInput): Promise<DeploymentStarted>;
  /**
   * Answers when the endpoint is InService on exactly this config. InProgress while it moves; DeploymentRolledBack if it came back
   * on another config, EndpointFailed, UnknownStatus.
   */
  awaitEndpoint(input: {
    ref: RunRef;
    endpoint: string;
    endpointConfig: string;
    poll: string;
  }): Promise<{ status: 'InService' }>;
  /** One request to the live endpoint; SmokeTestFailed with the model's answer if it is not a good one. */
  smokeTest(input: {
    ref: RunRef;
    definition: Definition;
    manifestUri: string;
    endpoint: string;
    /** With it the answers are compared with the candidate's batch predictions of the same rows. */
    holdout?: Holdout;
  }): Promise<{ latencyMs: number; compared?: number }>;
  /**
   * Back to the previous config (without one given, the one that the failed config's tag names), or, for a first deployment, the endpoint
   * removed; `none` if the endpoint isn't on the failed config. Await it with awaitEndpoint.
   */
  rollBack(input: {
    ref: RunRef;
    endpoint: string;
    failedConfig: string;
    previousConfig?: string;
  }): Promise<{ action: 'restored'; config: string } | { action: 'removed' } | { action: 'none' }>;
  /** Removes configs and models of this model that no endpoint uses, keeping the newest `keep`. */
  cleanUp(input: { ref: RunRef; definition: Definition }): Promise<{ removed: number }>;
  /** Starts the deletion of the model's endpoint; `absent` if there was none. */
  deleteEndpoint(input: { model: string; endpoint: string }): Promise<{ state: 'deleting' | 'absent' }>;
  /** Answers once the endpoint is gone; InProgress until then. */
  awaitEndpointGone(input: { endpoint: string }): Promise<void>;
  /** Reads the rows from an exchange object, invokes, writes the answer to another; both encrypted. */
  invokeEndpoint(input: InvokeInput & { readonly endpoint: string }): Promise<InvokeResult>;
}

/** What runs that ended badly leave in SageMaker. */
export interface OrphanActivities {
  /**
   * Answers once the endpoint stands as the roll-back wanted it, and has removed the run's endpoint config and model by then; InProgress
   * until the endpoint stands. What an endpoint uses stays. `warnings`: what could not be removed.
   */
  discardDeployment(input: {
    ref: RunRef;
    definition: Definition;
    back: { action: 'restored'; config: string } | { action: 'removed' } | { action: 'none' };
  }): Promise<{ removed: number; warnings: readonly string[] }>;
  /** Training and transform jobs, endpoint configs and models of runs that are over. Reads only. */
  findOrphans(): Promise<Pick<OrphanReport, 'orphans' | 'more'>>;
  /** Stops and removes those that are `left`, each looked at once more before. */
  stopOrphans(input: { orphans: readonly Orphan[] }): Promise<{ stopped: readonly StoppedOrphan[] }>;
}

export interface RecordActivities {
  /**
   * Writes the run's immutable outcome object; the same again is fine, another is a RecordConflict. Before that, for a Deployed one,
   * and so only after a verified deployment: the pointer to the deployed run and the SSM parameter (to `newestDate`), each compared
   * before it is written. `parameter` answers what the parameter holds now.
   */
  recordOutcome(input: {
    ref: RunRef;
    definition: Definition;
    outcome: OutcomeObject;
    newestDate?: string;
  }): Promise<{ outcomeUri: string; parameter?: string }>;
}

export interface LedgerActivities {
  /** Indexes a run's outcome object and file record in PostgreSQL; safe to repeat. */
  indexRun(input: { outcomeUri: string }): Promise<void>;
  /** The deployment is no longer live. */
  indexEndpointDeleted(input: { endpoint: string; at: string }): Promise<void>;
  listRuns(input: { model?: string; outcome?: Outcome; limit: number }): Promise<{ runs: RunRow[] }>;
  showRun(input: { run: string }): Promise<{ run?: OutcomeObject }>;
  /** Empties the index and makes it again from the outcome objects under each output prefix. */
  rebuildLedger(input: { sources: { bucket: string; output: string }[] }): Promise<{ runs: number; files: number }>;
}

export interface TriggerActivities {
  /** Signals the model's entity with start. `scheduledAt` is the schedule's nominal time; its date in the schedule's zone is the as-of date. */
  signalModel(input: { definition: Definition; request: RunRequest; scheduledAt?: string }): Promise<void>;
  /** Pauses the model's schedule with a note for people; a schedule that is paused already keeps its note, one that is gone is fine. */
  pauseSchedule(input: { model: string; note: string }): Promise<void>;
}

export type Activities = DataActivities &
  ResumeActivities &
  OrphanActivities &
  TrainingActivities &
  EvaluationActivities &
  EndpointActivities &
  VersionActivities &
  RecordActivities &
  LedgerActivities &
  InsightActivities &
  PreparePreviewActivities &
  NotifyActivities &
  TransformActivities &
  TriggerActivities &
  RetrainActivities &
  LineageActivities &
  AuditActivities &
  CopyActivities &
  RowActivities &
  RetentionActivities &
  ErasureActivities &
  StorageActivities;
