import type { Definition } from './definition/index.js';
import type { Evaluation } from './evaluation.js';
import type { FailureType } from './failures.js';
import type { ImageIdentity } from './images.js';
import type { RunTime } from './names.js';
import type { Prepared } from './prepare.js';
import type { Metric, TrainingSummary } from './records.js';
import type { EventState } from './triggers.js';

export type Trigger = 'schedule' | 'manual' | 'event';
/** How a run can end. `Failed` and `Cancelled` end the workflow with a failure; the others are its value. */
export type Outcome = 'Deployed' | 'NoNewData' | 'Rejected' | 'Trained' | 'Failed' | 'Cancelled';
export const STAGES = [
  'prepare',
  'check data',
  'train',
  'await',
  'evaluate',
  'gate',
  'deploy',
  'record',
  'done',
] as const;
export type Stage = (typeof STAGES)[number];

/** A wish for a run. Wishes without settings of their own merge into one queued run; the others queue apart. */
export interface RunRequest {
  readonly trigger: Trigger;
  /** Which event it was, for people: `new data`, or `<detail-type> (<source>)`. */
  readonly event?: string;
  /** YYYY-MM-DD; the day the run looks at the data as of. Today (UTC) without it. */
  readonly asOf?: string;
  /** Set by a schedule: its nominal date, which does not keep requests from merging. */
  readonly nominalDate?: string;
  /** Train even if nothing is new. */
  readonly force?: boolean;
  /** Train, but leave the endpoint alone. */
  readonly noDeploy?: boolean;
  /** Id of the run that this one takes up: it goes on from where that one ended, with what that one made. */
  readonly resume?: string;
  /** The whole definition with the requester's `--set` applied and checked; the entity's own without it. */
  readonly definition?: Definition;
  /** The `--set` as given, for people: `training.hyperparameters.wd=0.1`. */
  readonly set?: readonly string[];
}

/** How many requests with settings of their own may wait. */
export const MOST_OWN_REQUESTS = 20;

/** A request with settings of its own is not served by another's run. */
export const hasOwnSettings = (request: RunRequest) =>
  request.definition !== undefined ||
  request.asOf !== undefined ||
  request.noDeploy === true ||
  request.resume !== undefined;

/** Input of `retrain`: it explains the run by itself. */
export interface RunInput {
  readonly runTime: RunTime;
  readonly definition: Definition;
  readonly request: RunRequest;
  /** Whether the run asks a model entity for the endpoint's lock; a run started alone does not. */
  readonly entity: boolean;
}

/** Value of `retrain`, for Deployed, NoNewData, Rejected and Trained. */
export interface RunResult {
  readonly outcome: Extract<Outcome, 'Deployed' | 'NoNewData' | 'Rejected' | 'Trained'>;
  readonly reason: string;
  readonly model: string;
  readonly asOf: string;
  readonly files: number;
  readonly dataHash?: string;
  readonly trainingJob?: string;
  readonly instanceType?: string;
  readonly artifactUri?: string;
  readonly metrics: readonly Metric[];
  readonly modelName?: string;
  readonly endpoint?: string;
  readonly endpointConfig?: string;
  readonly manifestUri?: string;
  readonly fileRecordUri?: string;
  readonly outcomeUri?: string;
  readonly evaluation?: Evaluation;
  readonly warnings: readonly string[];
  /** Seconds by stage. */
  readonly stages: Readonly<Record<string, number>>;
}

/** Answer of the `progress` query of `retrain`. */
export interface RunProgress extends ImageIdentity {
  readonly stage: Stage;
  /** ISO 8601 times at which each stage began. */
  readonly since: Readonly<Partial<Record<Stage, string>>>;
  readonly outcome?: Outcome;
  readonly reason?: string;
  readonly failureType?: FailureType;
  /** The run that this one takes up. */
  readonly resumes?: string;
  /** What a person can do about a run that ended badly. */
  readonly next?: string;
  /** One line a fact, in order: what the run has found or made so far. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
  readonly trainingJob?: string;
  readonly image?: string;
  readonly training?: TrainingSummary;
  readonly endpoint?: string;
  readonly endpointConfig?: string;
  readonly files?: number;
  readonly dataHash?: string;
  readonly fileRecordUri?: string;
  readonly artifactUri?: string;
  readonly metrics: readonly Metric[];
  readonly prepared?: Prepared;
  readonly evaluation?: Evaluation;
  /** Until when a person may decide about the candidate; there while the run waits for them. ISO 8601. */
  readonly decideBy?: string;
}

/** Answer to a wish for a run. */
export interface RunReceipt {
  readonly run: string;
  /** started: nothing ran; queued: waits behind another; merged: an equal wish was queued already, that one serves both. */
  readonly state: 'started' | 'queued' | 'merged';
  /** Runs before this one, the running one included. */
  readonly position: number;
}

export interface QueuedRun {
  readonly runTime: RunTime;
  readonly request: RunRequest;
  /** Wishes that this run serves. */
  readonly wishes: number;
}

/** How the entity's last run ended. */
export interface LastRun {
  readonly run: string;
  readonly outcome: Outcome;
  readonly reason: string;
  readonly endedAt: string;
}

/** Input of `model`, and what it carries over when it continues as new. */
export interface ModelState {
  readonly name: string;
  readonly definition: Definition;
  readonly queue?: readonly QueuedRun[];
  readonly failures?: number;
  readonly lastRun?: LastRun;
  readonly lastTime?: RunTime;
  /** Set when the model was removed from the definitions: the entity ends once its queue is empty. */
  readonly retired?: boolean;
  readonly events?: EventState;
}

/** Answer of the `status` query of `model`. */
export interface ModelStatus {
  readonly definition: Definition;
  readonly running?: { readonly run: string; readonly since: string };
  readonly queue: readonly QueuedRun[];
  readonly failures: number;
  readonly lastRun?: LastRun;
  /** Workflow id of who may touch the endpoint now. */
  readonly endpointHolder?: string;
  readonly events?: EventState;
}

/** Names by which clients start and signal workflows: `client.workflow.start(WORKFLOWS.retrain, …)`. */
export const WORKFLOWS = {
  model: 'model',
  retrain: 'retrain',
  trigger: 'trigger',
  endpointDeletion: 'endpointDeletion',
  preview: 'preview',
  invoke: 'invoke',
  ledgerQuery: 'ledgerQuery',
  resumable: 'resumable',
  orphans: 'orphans',
  compareRuns: 'compareRuns',
  collectReport: 'collectReport',
  readLogs: 'readLogs',
  transform: 'transform',
  rollback: 'rollback',
  deploy: 'deploy',
  versions: 'versions',
  changePlan: 'changePlan',
  auditVerify: 'auditVerify',
  certify: 'certify',
  findErased: 'findErased',
  lineage: 'lineage',
  liftTombstones: 'liftTombstones',
  storage: 'storage',
  reconcile: 'reconcile',
  purge: 'purge',
  purgePlan: 'purgePlan',
  purgeForget: 'purgeForget',
  retention: 'retention',
} as const;

export const MESSAGES = {
  /** model, update: RunRequest -> RunReceipt */
  requestRun: 'requestRun',
  /** model, update: RunRequest[] -> RunReceipt[]; all of them, in order, or none */
  requestRuns: 'requestRuns',
  /** model, signal: RunRequest; what schedules and declared events use */
  runWanted: 'runWanted',
  /** model, signal: dated objects came under one of its prefixes */
  dataArrived: 'dataArrived',
  /** model, signal: { note?: string }; with a note events start nothing, without one they do again */
  pauseEvents: 'pauseEvents',
  /** model, update: Definition -> { changed: boolean }; storage, update: Storage | null -> { changed: boolean } */
  apply: 'apply',
  /** model, update: () -> { workflowId } of the deletion */
  deleteEndpoint: 'deleteEndpoint',
  /** model, update: ChangeRequest -> { workflowId } of the rollback or deploy */
  changeEndpoint: 'changeEndpoint',
  /** model, update: run id of a queued run -> boolean, whether it was there */
  dropQueued: 'dropQueued',
  /** model, signal: no more runs */
  retire: 'retire',
  /** model, query -> ModelStatus; storage, query -> StorageState */
  status: 'status',
  /** model, signal from a run: { workflowId } */
  endpointWanted: 'endpointWanted',
  /** model, signal from a run that judges its candidate again before it deploys: { workflowId } */
  endpointReturned: 'endpointReturned',
  /** retrain, signal from its entity */
  endpointGranted: 'endpointGranted',
  /** retrain, update: Decision -> void; refused while the run asks nobody */
  decide: 'decide',
  /** retrain, query -> RunProgress; purge, query -> PurgeProgress */
  progress: 'progress',
} as const;

/** Input of `trigger`, the tiny workflow that a schedule starts: it signals the entity, with start. */
export interface TriggerInput {
  readonly definition: Definition;
}

/** Input of `endpointDeletion`, a child of the entity -> whether there was an endpoint. */
export interface EndpointDeletionInput {
  readonly definition: Definition;
}

export interface EndpointDeletionResult {
  readonly endpoint: string;
  readonly existed: boolean;
}
