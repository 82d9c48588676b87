import type { KMSClient } from '@aws-sdk/client-kms';
import type { S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import pLimit from 'p-limit';
import { s3Uri } from '../../contracts/names.js';
import { headKey, type AuditVerdict, type ChainHead } from '../../contracts/purge/audit.js';
import type { Storage } from '../../contracts/storage/index.js';
import type { Ledger, Seal } from '../../ledger/store.js';
import { withFailures } from '../errors.js';
import { Faults } from './faults.js';
import { listHeads, readHeadVersion, type Audit, type HeadVersions } from './heads.js';
import { trustedKeys, trustFault, type TrustedKeys } from './trust.js';
import { ChainWalk } from './walk.js';

/** Heads read at the same time. */
const READERS = 16;

/** What the chain is verified with. */
export interface Verifying {
  readonly s3: S3Client;
  readonly kms: KMSClient;
  readonly ledger: Ledger;
  readonly seal: Seal;
}

/** Recomputes the chain, and compares it with every head that was ever written. Memory is that of a page of each. */
export async function verifyChain(clients: Verifying, storage: Storage | undefined): Promise<AuditVerdict> {
  const faults = new Faults();
  const about = { resource: 'the audit chain of the ledger', action: 'read' };
  faults.add(...(await withFailures(about, () => clients.ledger.chainGuards())));
  const walk = new ChainWalk(
    { readChain: (...page) => withFailures(about, () => clients.ledger.readChain(...page)) },
    clients.seal,
    faults,
    () => heartbeat(),
  );
  const notes: string[] = [];
  const audit = storage?.audit;
  let heads = 0;
  let anchored = 0;
  if (audit) {
    for await (const head of judgedHeads(clients, audit)) {
      heads += 1;
      faults.add(...head.faults);
      if (head.sequence === undefined) continue;
      // The chain is read after the head: a row that is appended meanwhile comes before its head.
      const found = await walk.hashAt(head.sequence);
      anchored = head.sequence;
      for (const hash of new Set(head.hashes)) faults.add(...contradiction(head, hash, found, walk.last));
    }
  } else {
    notes.push(
      'No storage file with an audit section is applied: there are no heads, and what somebody with the database and the key in SSM rewrites is not found out',
    );
  }
  await walk.finish();
  if (audit && heads === 0 && walk.rows > 0) {
    notes.push(`${s3Uri(audit.bucket, '')} has no head: the rows were written before storage.audit was declared`);
  }
  return { rows: walk.rows, heads, faults: faults.list(), unanchored: Math.max(0, walk.last - anchored), notes };
}

interface JudgedHead {
  readonly uri: string;
  /** Absent where the key is none of a head. */
  readonly sequence?: number;
  /** What well-signed versions say is the hash of that row. */
  readonly hashes: readonly string[];
  readonly faults: readonly string[];
}

function contradiction({ uri, sequence }: JudgedHead, hash: string, found: string | undefined, last: number): string[] {
  if (found === hash) return [];
  if (found !== undefined) return [`row ${sequence} is not the one that head ${uri} anchors: the chain was rewritten`];
  return last < (sequence ?? 0)
    ? [`head ${uri} anchors row ${sequence}, but the chain ends with row ${last}: rows were removed from its end`]
    : [`row ${sequence}, which head ${uri} anchors, is missing`];
}

async function* judgedHeads(clients: Verifying, audit: Audit): AsyncGenerator<JudgedHead> {
  const trusted = await trustedKeys(clients.kms, audit);
  const limit = pLimit(READERS);
  for await (const heads of listHeads(clients.s3, audit.bucket)) {
    heartbeat();
    yield* await limit.map(heads, (head) => judge(clients.s3, audit.bucket, head, trusted));
  }
}

async function judge(
  s3: S3Client,
  bucket: string,
  { key, versions, markers }: HeadVersions,
  trusted: TrustedKeys,
): Promise<JudgedHead> {
  const uri = s3Uri(bucket, key);
  const sequence = Number(/(\d+)\.json$/.exec(key)?.[1]);
  if (headKey(sequence) !== key) return { uri, hashes: [], faults: [`${uri} is no head of Perennial's`] };
  const faults = markers > 0 ? [`head ${uri} is hidden by a delete marker`] : [];
  const hashes: string[] = [];
  // Perennial writes each head once: whatever else is there was put over it.
  for (const [place, version] of versions.entries()) {
    const { text, lock, written } = await readHeadVersion(s3, bucket, key, version);
    heartbeat();
    const name = versions.length === 1 ? `head ${uri}` : `head ${uri} (version ${version})`;
    const read = readHead({ text, written }, sequence, trusted);
    if ('fault' in read) faults.push(`${name} ${read.fault}`);
    else hashes.push(read.hash);
    if (place < versions.length - 1) faults.push(`${name} was put over the head that is locked there`);
    else if (lock !== 'COMPLIANCE') {
      faults.push(
        `${name} is not locked (COMPLIANCE), so it can be replaced; or the worker's role lacks s3:GetObjectRetention`,
      );
    }
  }
  return { uri, sequence, hashes, faults };
}

function readHead(
  { text, written }: { readonly text: string; readonly written: Date | undefined },
  sequence: number,
  trusted: TrustedKeys,
): { hash: string } | { fault: string } {
  let head: Partial<ChainHead>;
  try {
    head = JSON.parse(text) as Partial<ChainHead>;
  } catch {
    return { fault: 'is not JSON' };
  }
  // The time in the head is its signer's word, that of the object S3's.
  const fault = trustFault(head, trusted, { 'was written': written?.toISOString(), 'says it was made': head.at });
  if (fault) return { fault };
  if (head.sequence !== sequence) return { fault: `is of row ${head.sequence}, not of the row in its name` };
  return { hash: String(head.hash) };
}
