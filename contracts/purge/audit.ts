import type { Blocked, CopiesErased, EntryCounts, Erased, PurgeRef, RowsErased, TargetsSeen } from './index.js';
import type { LineageSummary, RecordsRedacted } from './lineage.js';
import type { PurgeOutcome, RetrainedModel } from './process.js';
import { RECORDS_PREFIX } from '../storage/defaults.js';
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
      /** Files with other links that earlier executions unlinked, and whose other links were removed by word of whoever asks. */
      readonly linksRemoved?: number;
    }
  | {
      readonly kind: 'ended';
      readonly request: string;
      readonly execution: string;
      readonly outcome: PurgeOutcome | 'Failed' | 'Cancelled';
      readonly reason: string;
      readonly erased: Erased;
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

/** Kinds of rows of the chain: those of the events, and one for each target of a report. */
export type ChainKind = AuditEvent['kind'] | 'target';

/**
 * One row of the chain. `hash` is the SHA-256 (hex) of `chainText`; `body` canonical JSON: the event without its kind, or { request, execution,
 * target: TargetReport }; `at` ISO 8601 UTC, of the database's clock. `seal` is a keyed hash of `hash`: who owns the database can't make it.
 */
export interface ChainRow {
  readonly sequence: number;
  readonly at: string;
  readonly kind: ChainKind;
  readonly body: string;
  readonly previous: string;
  readonly hash: string;
  readonly seal: string;
}

/** What the first row has for the hash of the row before it. */
export const GENESIS = '0'.repeat(64);

/** What a row's hash is taken of, in UTF-8. None of the parts has a line end. */
export const chainText = ({ previous, sequence, at, kind, body }: Omit<ChainRow, 'hash' | 'seal'>) =>
  [previous, sequence, at, kind, body].join('\n');

/** Heads of the chain, one object each, in the Object-Locked bucket. */
export const HEADS_PREFIX = `${RECORDS_PREFIX}audit/heads/`;
/** Padded, so that the order of keys is that of sequences. */
export const headKey = (sequence: number) => `${HEADS_PREFIX}${String(sequence).padStart(16, '0')}.json`;

/** A head as it stands in its object. `signature` covers the canonical JSON of everything else. */
export interface ChainHead {
  readonly version: 1;
  readonly sequence: number;
  readonly hash: string;
  /** ISO 8601: when it was signed. */
  readonly at: string;
  readonly signature: Signature;
}

/** A signature by KMS over the SHA-256 of a canonical JSON. */
export interface Signature {
  /** ARN of the KMS key. */
  readonly key: string;
  readonly algorithm: string;
  /** DER, base64. */
  readonly value: string;
  /** PEM: whoever has it can check without AWS. */
  readonly publicKey: string;
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
  /** Times at which tombstones of the request were lifted. */
  readonly lifted: readonly { readonly at: string; readonly event: Extract<AuditEvent, { kind: 'lifted' }> }[];
  /** Absent where no signing key is declared: then it is a copy of the record, and no proof. */
  readonly signature?: Signature;
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
  certify(input: CertifyInput): Promise<{ bytes: number }>;
  /** Whether the certificate in the object is what was signed, and its head is in the chain. */
  verifyCertificate(input: { storage: Storage; inputUri: string }): Promise<AuditVerdict>;
  /** Keyed hash of a key, for "was it erased?": which executions erased it. Input object: { uri }. Writes ErasedAnswer to `outputUri`. */
  findErased(input: FindErasedInput): Promise<{ bytes: number }>;
}

/** Input of the workflow `auditVerify`. Without storage: that which is declared. */
export interface AuditVerifyInput {
  readonly storage?: Storage;
  /** Verified too. */
  readonly certificate?: { readonly storage: Storage; readonly inputUri: string };
}

export interface CertifyInput {
  readonly request: string;
  readonly storage: Storage;
  readonly outputUri: string;
}

export interface FindErasedInput {
  readonly storage: Storage;
  readonly inputUri: string;
  readonly outputUri: string;
}

/** Answer of `findErased`. */
export interface ErasedAnswer {
  /** Keyed hash of bucket and key, as it stands in reports and the chain. */
  readonly hash: string;
  readonly executions: readonly {
    readonly request: string;
    readonly execution: string;
    readonly requestedAt: string;
    readonly endedAt?: string;
    readonly outcome?: string;
    /** `target`: it was named; `prefix`: a prefix of it was named, whether or not it was there; `listed`: erased under a prefix. */
    readonly how: readonly ('target' | 'prefix' | 'listed')[];
  }[];
}
