import type { Storage } from '../storage/index.js';
import { RECORDS_PREFIX } from '../storage/defaults.js';

/**
 * One line of a list of targets (JSON Lines in an encrypted S3 object that the purge deletes at its end). Keys and prefixes are exact: nothing is
 * trimmed, decoded or normalised. With `value` lines the purge erases rows, not objects: those of the objects and prefixes named, whose field in
 * `column` is one of the values.
 */
export type TargetLine =
  | { readonly bucket: string; readonly key: string }
  | { readonly bucket: string; readonly prefix: string }
  | { readonly value: string };

/** How a purge works. Every field has the careful default. */
export interface PurgeOptions {
  /** Erase what Object Lock protects in GOVERNANCE mode. */
  readonly bypassGovernance?: boolean;
  /** What to do with objects uploaded under a target's key after the purge began: `report` (default) leaves them and says so. */
  readonly uploads?: 'report' | 'purge';
  /** Later manifests leave the keys out until lifted; true by default. */
  readonly tombstones?: boolean;
  /** Stop training and transform jobs that read the data now; reported otherwise. */
  readonly stopJobs?: boolean;
  /** Start runs of the live models that saw the data, and end when they are deployed. */
  readonly retrain?: boolean;
  /** Rows, not objects: 1-based column whose field is compared with the values of the list. */
  readonly column?: number;
}

/** Input of the workflow `purge`, the contract for any Temporal client. No key, prefix or value stands in it. */
export interface PurgeInput {
  /** Id of the erasure request: letters, digits, `.`, `_`, `-`, at most 100. Never the person's name. It is the workflow id's second part. */
  readonly request: string;
  /** Why, for the auditor; at most 500 characters, nothing personal. */
  readonly reason: string;
  /** Who asked, as their client named them. */
  readonly by: string;
  /** S3 URI of the list of targets. */
  readonly targetsUri: string;
  /**
   * Hash (hex) of the list, each line as JSON.stringify writes it and with a line feed: another list is refused, also when it is resumed. It is
   * HMAC-SHA-256, with the text in the object's metadata SALT as key, of the list's SHA-256 in hex; without such metadata the latter alone, by
   * which a short list can be guessed.
   */
  readonly targetsHash?: string;
  readonly options?: PurgeOptions;
  /** The declared storage; without it the workflow asks for what is declared, and takes defaultStorage if nothing is. */
  readonly storage?: Storage;
  /** ISO 8601: what is uploaded later is another matter; the workflow's start without it. A purge that is resumed gives its first start. */
  readonly since?: string;
  /** Files on mounts that earlier executions unlinked and that had other links: no path leads to these any more. A purge that is resumed gives them. */
  readonly links?: number;
  /** Whoever resumes it says that the other links are removed: `links` then no longer block it, and the chain has it so. */
  readonly linksRemoved?: boolean;
}

/** Whom an activity of a purge works for. */
export interface PurgeRef {
  readonly request: string;
  /** Workflow run id: one request may be played more than once, e.g. after something was blocked. */
  readonly execution: string;
  /** ISO 8601: what is uploaded later is another matter. */
  readonly startedAt: string;
}

/** What every activity of a purge gets. */
export interface PurgeWork {
  readonly ref: PurgeRef;
  readonly storage: Storage;
  readonly targetsUri: string;
  /** Keyed hash of the list, once it was inspected: an activity that finds another list fails with RecordConflict. */
  readonly targetsHash?: string;
  readonly options: PurgeOptions;
}

/** Entries of S3 by kind; `bytes` is the size of the versions. */
export interface EntryCounts {
  readonly versions: number;
  readonly markers: number;
  readonly uploads: number;
  readonly bytes: number;
}

export type BlockedBy = 'object lock' | 'legal hold' | 'mfa delete' | 'access denied' | 'error';

/** What could not be erased, by reason. */
export interface Blocked {
  readonly by: BlockedBy;
  readonly entries: number;
  /** ISO 8601; there where the reason ends by itself: the latest date among the entries. */
  readonly until?: string;
  /** For people: the resource (bucket), the reason, and what to do. No key. */
  readonly advice: string;
}

/** Answer of `inspectTargets`. A target that stands in the list twice counts once. */
export interface TargetsSeen {
  readonly objects: number;
  readonly prefixes: number;
  readonly values: number;
  /** Buckets of the targets and of their declared copies. */
  readonly buckets: readonly {
    readonly bucket: string;
    readonly versioning: 'unversioned' | 'enabled' | 'suspended';
    readonly mfaDelete: boolean;
    readonly objectLock: boolean;
  }[];
  /** Keyed hash of the list (base64url); SHA-256 in hex where an earlier version inspected it. */
  readonly hash: string;
}

/** What was erased in S3. */
export interface Erased extends EntryCounts {
  /** Distinct keys, of each leg. */
  readonly keys: number;
  /** No less than these counts: a try died, or failed, and not to the last entry is known what it erased. */
  readonly atLeast?: true;
}

/** Answer of one leg of `eraseObjects`: its own counts, also where it was cancelled. Each leg starts from the beginning: what is gone stays gone. */
export interface ErasedLeg extends Erased {
  /** Whether nothing is left that could be erased; otherwise another leg follows. */
  readonly done: boolean;
  readonly blocked: readonly Blocked[];
  readonly seconds: number;
}

/** Answer of `verifyObjects`: a listing made anew. */
export interface Verified {
  /** All that is still listed, the blocked among it, without `later`. */
  readonly remaining: EntryCounts;
  /** Objects uploaded under a target since the purge began that are there, and that nothing blocks where they are to go too. */
  readonly later: number;
  readonly blocked: readonly Blocked[];
  /** One line a target (TargetReport) for the ledger; lists no key. */
  readonly reportUri: string;
  readonly reportHash: string;
  /** Pages listed. */
  readonly pages: number;
}

/** One line of the report: a target by its keyed hash. */
export interface TargetReport {
  readonly hash: string;
  readonly kind: 'object' | 'prefix';
  readonly bucket: string;
  readonly remaining: number;
  readonly later: number;
  readonly blocked: number;
}

/** Answer of `eraseCopies` and `verifyCopies`: files on mounts. */
export interface CopiesErased {
  readonly files: number;
  readonly bytes: number;
  /** Mounts looked at, with how long their backups keep what was erased. */
  readonly mounts: readonly {
    readonly path: string;
    readonly fileSystem?: string;
    readonly backups: string;
    readonly files: number;
  }[];
  /** `verifyCopies`: files of objects that were uploaded since the purge began, which `files` leaves out. */
  readonly later?: number;
  /** Counts by reason: a folder where a file should be, a key that has no image on a mount, a file with other links. */
  readonly conflicts: Readonly<Record<string, number>>;
}

/** Answer of `eraseRows`. */
export interface RowsErased {
  readonly objectsSearched: number;
  readonly objectsRewritten: number;
  /** Objects of which no row would have been left: deleted, in all versions. */
  readonly objectsDeleted?: number;
  readonly rows: number;
  readonly bytes: number;
  readonly versionsErased: number;
  readonly blocked: readonly Blocked[];
  /** Values looked for, of which so many were found anywhere. */
  readonly values: number;
  readonly found: number;
  /** Files on mounts that held rows, and were made anew or removed. */
  readonly copies?: CopiesErased;
}

/** Answer of `verifyRows`: every object and every file read again. */
export interface RowsVerified {
  /** Rows of the values that are there, in so many objects. */
  readonly rows: number;
  readonly objects: number;
  /** Versions that could not be searched, or not in whole. */
  readonly unreadable: number;
  /** Files on mounts that are no copy of their object and hold rows, or can't be searched; `conflicts` counts what is held open. */
  readonly copies?: CopiesErased;
  readonly reportUri: string;
  readonly reportHash: string;
}

export interface ErasureActivities {
  /** Reads and checks the list and looks at every bucket's settings, before anything is touched. InvalidRequest with all faults of the list. */
  inspectTargets(input: PurgeWork): Promise<TargetsSeen>;
  /** What would be erased in S3, listed; writes PurgePlanObjects as JSON to `outputUri` (it holds keys). */
  planObjects(input: PurgeWork & { outputUri: string }): Promise<{ bytes: number }>;
  /** Works until nothing is left that could be erased, or for about ten minutes. Heartbeats counts only. */
  eraseObjects(input: PurgeWork & { leg: number }): Promise<ErasedLeg>;
  /** Lists everything once more and writes the report. */
  verifyObjects(input: PurgeWork): Promise<Verified>;
  /** Erases the list of targets, all its versions. Safe to repeat. */
  forgetTargets(input: PurgeWork): Promise<void>;
}

export interface CopyActivities {
  planCopies(input: PurgeWork & { outputUri: string }): Promise<{ bytes: number }>;
  /** Unlinks the targets' copies on every declared mount. */
  eraseCopies(input: PurgeWork): Promise<CopiesErased>;
  /** Looks again; `files` are those still there. */
  verifyCopies(input: PurgeWork): Promise<CopiesErased>;
}

export interface RowActivities {
  /** Which objects hold rows of the values, and how many; writes RowsPlan to `outputUri`. */
  planRows(input: PurgeWork & { outputUri: string }): Promise<{ bytes: number }>;
  /** Rewrites the objects without the rows, erases their old versions, has files on mounts follow, and keeps the keyed hashes of the values as suppressed. */
  eraseRows(input: PurgeWork): Promise<RowsErased>;
  /** Reads every object again, and every file on mounts that is no copy of its object. */
  verifyRows(input: PurgeWork): Promise<RowsVerified>;
}

/** Answer of `planObjects`, by target, the sum first. */
export interface PurgePlanObjects {
  readonly total: EntryCounts;
  readonly buckets: TargetsSeen['buckets'];
  /** At most 10,000, `more` beyond. */
  readonly targets: readonly (EntryCounts & { readonly uri: string; readonly copies: readonly string[] })[];
  readonly more: number;
  /** What would be blocked, as far as it shows now. */
  readonly blocked: readonly Blocked[];
  /** Versions whose lock was not looked at, as there are so many. */
  readonly locksNotSeen?: number;
}

export interface PurgePlanCopies {
  /** At most 10,000 paths, `more` beyond. */
  readonly paths: readonly string[];
  readonly more: number;
  readonly files: number;
  readonly bytes: number;
  readonly mounts: CopiesErased['mounts'];
  readonly conflicts: Readonly<Record<string, number>>;
}

export interface RowsPlan {
  readonly objects: readonly { readonly uri: string; readonly rows: number }[];
  readonly more: number;
  readonly rows: number;
  readonly searched: number;
  /** Objects that can't be searched, or only in part, with the reason; at most 10,000. */
  readonly unreadable: readonly { readonly uri: string; readonly why: string }[];
}

/** `purge/<request>`, id of the workflow. */
export const purgeId = (request: string) => `purge/${request}`;
export const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** Characters of a reason. */
export const LONGEST_REASON = 500;

/** Metadata of a list: what its hash is salted with. Random, and gone with the list. */
export const SALT = 'perennial-salt';
/** Lists of targets, each of one client's making. */
export const targetsPrefix = `${RECORDS_PREFIX}targets/`;
/** Reports, lineage and certificates of one execution. */
export const purgePrefix = ({ request, execution }: Pick<PurgeRef, 'request' | 'execution'>) =>
  `${RECORDS_PREFIX}purges/${request}/${execution}/`;
/** In each target's own bucket. Objects `*.txt` have a keyed hash a line, `*.json` are plain targets in force while a purge runs. */
export const TOMBSTONES_PREFIX = `${RECORDS_PREFIX}tombstones/`;
export const tombstonesPrefix = (request: string) => `${TOMBSTONES_PREFIX}${request}/`;
/** In each bucket: keyed hashes of values whose rows are left out when data is prepared again. */
export const SUPPRESSED_PREFIX = `${RECORDS_PREFIX}suppressed/`;
