import type { RunRef } from './activities.js';
import type { Definition } from './definition/index.js';

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
