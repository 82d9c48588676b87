import type { Definition } from './definition/index.js';
import type { PurgeOutcome } from './purge/process.js';
import type { Storage } from './storage/index.js';

/** Input of the workflow `retention`: what a schedule starts, or a person. */
export interface RetentionInput {
  readonly definition: Definition;
  /** YYYY-MM-DD, the day it looks at the data as of; the schedule's nominal day or today, in the schedule's time zone, without it. */
  readonly date?: string;
  /** Only say what is due. */
  readonly dryRun?: boolean;
  /** The declared storage; asked for without it. */
  readonly storage?: Storage;
}

/** What is due, by what is done with it. */
export const RETENTION_STEPS = ['age', 'return', 'apart', 'grace'] as const;
/**
 * - age: dated objects older than data.retention.age: purged
 * - return: set apart, and their owner is active again: copied back, the copies apart purged
 * - apart: objects of dormant owners: copied apart, then purged where they were
 * - grace: set apart long enough: purged
 */
export type RetentionStep = (typeof RETENTION_STEPS)[number];

/** Whom an activity of a retention works for. */
export interface RetentionRef {
  readonly model: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  /** Workflow run id. */
  readonly execution: string;
}

export interface RetentionWork {
  readonly ref: RetentionRef;
  readonly definition: Definition;
  readonly storage: Storage;
}

/** Counts alone; the keys are in lists of targets. */
export interface Due {
  readonly objects: number;
  readonly bytes: number;
  /** Owners, for the steps of dormancy. */
  readonly owners: number;
  /** List of targets of the purge that the step ends with; there if anything is due and it is no dry run. */
  readonly targetsUri?: string;
  /** List of the objects' first places, for return. */
  readonly originsUri?: string;
}

/** Answer of `findDue`, by step. */
export interface DueSteps {
  readonly steps: Readonly<Partial<Record<RetentionStep, Due>>>;
  readonly warnings: readonly string[];
}

export interface RetentionActivities {
  /** What is due on that day; writes the encrypted lists of targets, unless it is a dry run. */
  findDue(input: RetentionWork & { dryRun: boolean }): Promise<DueSteps>;
  /**
   * Copies the objects of a list from below data.prefix to the restricted prefix, and notes their owners, by keyed hash, as set apart.
   * What is there already is copied once more; what is gone is passed over.
   */
  setApart(input: RetentionWork & { targetsUri: string }): Promise<{ copied: number; bytes: number }>;
  /** Copies the objects of a list back from the restricted prefix. What was uploaded there meanwhile stays. */
  bringBack(input: RetentionWork & { originsUri: string }): Promise<{ copied: number; kept: number }>;
  /** Forgets the owners who have nothing set apart any more, and erases lists that no purge has erased. */
  settleDormancy(input: RetentionWork & { lists: readonly string[] }): Promise<{ apart: number }>;
}

/** One step of a retention with how its purge ended. */
export interface RetentionPass {
  readonly step: RetentionStep;
  readonly objects: number;
  readonly bytes: number;
  readonly owners: number;
  /** Request id of its purge: `perennial purge show` and the certificate know it by that. */
  readonly request?: string;
  /** Absent in a dry run. */
  readonly outcome?: PurgeOutcome;
  readonly reason?: string;
}

/** Value of `retention`. Blocked and reuploaded objects are due again the next time. */
export interface RetentionResult {
  readonly model: string;
  readonly date: string;
  readonly dryRun: boolean;
  readonly passes: readonly RetentionPass[];
  readonly warnings: readonly string[];
}

export const retentionId = (model: string) => `retention/${model}`;
export const retentionScheduleId = (model: string) => `schedule/${model}/retention`;

/** Model of a retention's schedule id, or undefined if it is not one. */
export const parseRetentionScheduleId = (id: string): string | undefined =>
  /^schedule\/([^/]+)\/retention$/.exec(id)?.[1];

/** Request id of the purge that a step ends with: one a model, day and step. */
export const retentionRequest = ({ model, date }: Pick<RetentionRef, 'model' | 'date'>, step: RetentionStep) =>
  step === 'age' ? `retention-${model}-${date}` : `retention-${model}-${date}-${step}`;
