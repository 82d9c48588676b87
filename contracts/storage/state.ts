import type { Storage } from './index.js';

/** Workflow id of the one entity that holds the declared storage; its memo has it too, for readers that only look. */
export const STORAGE_ID = 'storage';
export const STORAGE_MEMO = 'storage';
export const RECONCILE_SCHEDULE_ID = 'schedule/storage/reconcile';

/** Input of the workflow `storage`, and what it carries over when it continues as new. `null`: none is declared any more. */
export interface StorageState {
  readonly storage: Storage | null;
}

/** Input of the workflow `reconcile`: compares bucket and mounts and repairs. Without mirrors: those of the declared storage. */
export interface ReconcileInput {
  readonly storage?: Storage;
  /** Only say what differs. */
  readonly dryRun?: boolean;
}

/** Counts over all mirrors; sizes in bytes. `examined` are objects and files looked at. */
export interface ReconcileResult {
  readonly mirrors: readonly MirrorDifference[];
}

export interface MirrorDifference {
  readonly bucket: string;
  readonly prefix: string;
  readonly path: string;
  readonly examined: number;
  readonly copied: number;
  readonly removed: number;
  readonly bytes: number;
  /** What could not be made equal (keys without an image on a mount, a folder in the way): counts by reason. */
  readonly conflicts: Readonly<Record<string, number>>;
  /** Objects that have no place on the mount, and are no difference: counts by reason, with the request that purged their keys. */
  readonly leftOut?: Readonly<Record<string, number>>;
}

export interface StorageActivities {
  /** The storage that is declared now, or undefined: read from the entity's memo. */
  declaredStorage(): Promise<{ storage?: Storage }>;
  /** Makes one mirror's mount equal to its bucket; heartbeats counts. */
  reconcileMirror(input: { storage: Storage; mirror: number; dryRun: boolean }): Promise<MirrorDifference>;
}
