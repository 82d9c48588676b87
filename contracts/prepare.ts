import type { RunRef } from './activities.js';
import type { Definition } from './definition/index.js';
import type { RedshiftPrepare } from './definition/prepare.js';
import { compactTime } from './names.js';

/** Task queue of what runs statements for hours: it holds slots of its own. */
export const PREPARE_QUEUE_SUFFIX = '-prepare';

/** The parts of preparing, each one statement or set of statements and one activity. */
export type PrepareStep = 'setup' | 'load' | 'check' | 'export' | 'publish';

export interface PrepareInput {
  readonly ref: RunRef;
  readonly definition: Definition;
  /** `YYYY-MM-DD`: the date that the export is published under. */
  readonly asOf: string;
}

/** Under which name a warehouse's history has what a run did in a step: an attempt finds by it what the one before has done, and people find the run. */
export const statementTag = ({ model, runTime }: Pick<RunRef, 'model' | 'runTime'>, step: PrepareStep | '…'): string =>
  `perennial/${model}/${compactTime(runTime)}/${step}`;

/** A warehouse as people know it: `cluster my-cluster, database dev`. */
export const warehouseName = ({
  cluster,
  workgroup,
  urlParameter,
}: Pick<RedshiftPrepare, 'cluster' | 'workgroup' | 'urlParameter'>): string =>
  cluster
    ? `cluster ${cluster.identifier}, database ${cluster.database}`
    : workgroup
      ? `workgroup ${workgroup.name}, database ${workgroup.database}`
      : `PostgreSQL of ${urlParameter}`;

/** What a check found. */
export interface CheckedNumber {
  readonly name: string;
  /** Least and greatest of a range; else one number. */
  readonly values: readonly number[];
  readonly ok: boolean;
}

/** What was exported, before anybody reads it. */
export interface Exported {
  /** Immutable list of the parts (ExportRecord as JSON), under the run's own prefix. */
  readonly exportUri: string;
  readonly rows: number;
  readonly bytes: number;
  readonly parts: number;
  readonly columns: number;
  /** Of the statement. */
  readonly seconds: number;
  /** Whether an earlier try had done it and this one found its result. */
  readonly attached: boolean;
}

/** Numbers of the label over all rows; without rows there are none. */
export interface LabelStatistics {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** By probability: 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99. */
  readonly quantiles: Readonly<Record<string, number>>;
  /** Counts of equally wide bins between `min` and `max`. */
  readonly histogram: readonly number[];
}

/** Kept with the run. */
export interface Prepared {
  readonly rows: number;
  readonly bytes: number;
  readonly parts: number;
  readonly columns: number;
  /** Of all statements together. */
  readonly seconds: number;
  readonly checks: readonly CheckedNumber[];
  readonly label?: LabelStatistics;
  /** Rows left out because an erasure request suppressed them. */
  readonly suppressed: number;
  /** `s3://bucket/prefix/YYYY-MM-DD/` */
  readonly publishedTo: string;
  /** Objects of an earlier export of the same date that these replaced. */
  readonly replaced: number;
  /** Whether the same content was published already, so that nothing changed. */
  readonly unchanged: boolean;
  /** The earlier run whose publication this one took up, without asking the warehouse. */
  readonly by?: string;
}

/** What an activity heartbeats while it prepares; shown where somebody looks. Counts and names of the definition alone. */
export interface PrepareBeat {
  /** `load public.sales`, `publish`. */
  readonly doing: string;
  /** Since that began. */
  readonly seconds: number;
  /** Rows that came through so far, where they come through the worker. */
  readonly rows?: number;
}

/** What a run would have a warehouse do; nothing of it is done, and no credential is asked for. */
export interface PreparePreview {
  /** `cluster my-cluster, database dev`. */
  readonly warehouse: string;
  /** Where it listens, as far as that is known without its credentials. */
  readonly address?: string;
  readonly user?: string;
  readonly role?: string;
  /** Bound values of this run, by name; null for a watermark that is not there yet. */
  readonly parameters: readonly { readonly name: string; readonly type: string; readonly value: string | null }[];
  /** In their order, as the warehouse would get them. */
  readonly statements: readonly { readonly what: string; readonly sql: string }[];
  /** Checks in words: `price: least and greatest of sales.price, at least 0 and at most 5000`. */
  readonly checks: readonly string[];
  readonly label: string;
  /** KMS key of export and publication; the bucket's own encryption without it. */
  readonly key?: string;
  /** `s3://bucket/…/runs/` and below it the run's own folder. */
  readonly exportTo: string;
  readonly publishTo: string;
  /** Objects of an earlier export of that date, and others, which a run refuses to mix with. */
  readonly published: number;
  readonly foreign: number;
  /** What a run would fail by, or wait for, as far as it shows now. */
  readonly problems: readonly string[];
}

/** An exported part; keys are made of the run, never of data. */
export interface ExportPart {
  readonly key: string;
  readonly etag: string;
  readonly bytes: number;
  readonly rows: number;
}

/** What `exportUri` holds. */
export interface ExportRecord {
  readonly version: 1;
  readonly columns: readonly string[];
  readonly parts: readonly ExportPart[];
  readonly rows: number;
  readonly bytes: number;
  readonly seconds: number;
}

/**
 * Stage "prepare". Each activity heartbeats, cancels its statement on the server when it is cancelled, and finds by the tag of run and step what
 * an earlier try has done. No value, credential or row is in an answer, a heartbeat, a failure or SQL text.
 */
export interface PrepareActivities {
  /** Runs the setup statements and the loads. Answers the rows that each load brought. */
  loadWarehouse(input: PrepareInput): Promise<{ loads: readonly { table: string; rows: number }[]; seconds: number }>;
  /** Runs the checks; DataInvalid with all numbers that are out of bounds. */
  checkWarehouse(input: PrepareInput): Promise<{ checks: readonly CheckedNumber[]; seconds: number }>;
  /** UNLOAD, or COPY TO STDOUT, of the query into the run's own prefix, verified: rows, sizes, encryption, label first. */
  exportQuery(input: PrepareInput): Promise<Exported>;
  /**
   * Drops suppressed rows, takes the statistics, and puts the export where check data finds it: by server-side copy, all or nothing. Safe to
   * repeat at any moment.
   */
  publishExport(input: PrepareInput & { exported: Exported }): Promise<Omit<Prepared, 'checks' | 'seconds'>>;
  /** Removes what a run that failed or was cancelled exported or half published. */
  discardExport(input: PrepareInput): Promise<{ removed: number }>;
}

/** What `perennial run --dry-run` asks about the stage. On the queue of questions: a busy warehouse keeps nobody waiting. */
export interface PreparePreviewActivities {
  previewPrepare(input: Pick<PrepareInput, 'definition' | 'asOf'>): Promise<PreparePreview>;
}
