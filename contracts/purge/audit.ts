import type { Blocked, CopiesErased, EntryCounts, PurgeRef, PurgeWork, RowsErased, TargetsSeen } from './index.js';
import type { LineageSummary, RecordsRedacted } from './lineage.js';
import type { PurgeOutcome, RetrainedModel } from './process.js';
import type { Storage } from '../storage/index.js';

/**
 * What the hash chain records of a purge: `requested` before anything is touched, `target` for each target once it is verified, `ended` last. `lifted`:
 * tombstones were lifted. Nothing personal and no key: targets are keyed hashes.
 */
export type AuditEvent =
  | {
      readonly kind: 'requested';
      readonly request: string;
      readonly execution: string;
      readonly by: string;
      readonly reason: string;
      readonly targets: Pick<TargetsSeen, 'objects' | 'prefixes' | 'values' | 'hash'>;
    }
  | {
      readonly kind: 'ended';
      readonly request: string;
      readonly execution: string;
      readonly outcome: PurgeOutcome | 'Failed' | 'Cancelled';
      readonly reason: string;
      readonly erased: EntryCounts & { readonly keys: number };
      readonly copies: CopiesErased;
      readonly rows?: RowsErased;
      readonly remaining: EntryCounts;
      readonly later: number;
      readonly blocked: readonly Blocked[];
      readonly lineage?: LineageSummary;
      readonly records?: RecordsRedacted;
      readonly retrained: readonly RetrainedModel[];
      readonly reportUri?: string;
      readonly reportHash?: string;
    }
  | {
      readonly kind: 'lifted';
      readonly request: string;
      readonly execution: string;
      readonly by: string;
      readonly reason: string;
      readonly keys: number;
    };

export interface AuditRecorded {
  /** Number of the last row in the chain, and its hash. */
  readonly sequence: number;
  readonly head: string;
  /** Object-Locked object with the signed head; absent where storage.audit isn't declared. */
  readonly headUri?: string;
}

/** One row of the chain. `hash` is the SHA-256 of previous hash, sequence, time, kind and body (canonical JSON). */
export interface ChainRow {
  readonly sequence: number;
  readonly at: string;
  readonly kind: string;
  readonly body: string;
  readonly previous: string;
  readonly hash: string;
}

/** What verifying found: every fault names the row or object it is about. */
export interface AuditVerdict {
  readonly rows: number;
  readonly heads: number;
  readonly faults: readonly string[];
  /** Rows after the newest head: written, not yet anchored. */
  readonly unanchored: number;
  /** Sentences about what could not be checked: no audit section, no signing key. */
  readonly notes: readonly string[];
}

/** What `perennial purge certificate` writes. `signature` covers the canonical JSON of everything else. */
export interface Certificate {
  readonly version: 1;
  readonly request: string;
  readonly issuedAt: string;
  readonly executions: readonly CertifiedExecution[];
  readonly chain: { readonly sequence: number; readonly head: string; readonly headUri?: string };
  readonly signature?: {
    readonly key: string;
    readonly algorithm: string;
    readonly value: string;
    readonly publicKey: string;
  };
}

/** One execution of a purge as the chain has it. Times are ISO 8601. */
export interface CertifiedExecution {
  readonly execution: string;
  readonly requestedAt: string;
  readonly endedAt?: string;
  readonly requested: Extract<AuditEvent, { kind: 'requested' }>;
  readonly ended?: Extract<AuditEvent, { kind: 'ended' }>;
  /** By keyed hash; at most 1,000 here, all of them in the report. */
  readonly targets: readonly {
    readonly hash: string;
    readonly kind: string;
    readonly bucket: string;
    readonly remaining: number;
  }[];
  readonly moreTargets: number;
  /** Date until which backups of the mounts may hold what was erased; ISO 8601. */
  readonly backupsUntil?: string;
}

export interface AuditActivities {
  /** Appends to the chain, one row a target of the report where there is one, and writes the head. The same event of an execution again appends nothing. */
  recordAudit(input: {
    ref: PurgeRef;
    storage: Storage;
    event: AuditEvent;
    reportUri?: string;
  }): Promise<AuditRecorded>;
  /** Recomputes the chain against its heads. */
  verifyAudit(input: { storage?: Storage }): Promise<AuditVerdict>;
  /** Writes the signed certificate of a request as JSON to `outputUri`. ResourceMissing if the chain has no such request. */
  certify(input: { request: string; storage: Storage; outputUri: string }): Promise<{ bytes: number }>;
  /** Whether the certificate in the object is what was signed, and its head is in the chain. */
  verifyCertificate(input: { storage: Storage; inputUri: string }): Promise<AuditVerdict>;
  /** Keyed hash of a key, for "was it erased?": which executions erased it. Input object: { uri }. Writes { executions } to `outputUri`. */
  findErased(input: { storage: Storage; inputUri: string; outputUri: string }): Promise<{ bytes: number }>;
}

/** A purge as the list of purges shows it. */
export type PurgeRow = Pick<PurgeWork['ref'], 'request' | 'execution'> & {
  readonly outcome?: string;
  readonly at: string;
};
