import type { KMSClient } from '@aws-sdk/client-kms';
import type { S3Client } from '@aws-sdk/client-s3';
import type { AuditEvent, AuditRecorded } from '../../contracts/purge/audit.js';
import type { Storage } from '../../contracts/storage/index.js';
import type { ChainEntry, Ledger, Seal } from '../../ledger/store.js';
import { withFailures } from '../errors.js';
import { writeHead } from './heads.js';
import { readReport } from './report.js';

/** A longer report stands in the chain by its SHA-256 alone. */
const MOST_TARGETS = 10_000;

interface Recording {
  readonly s3: S3Client;
  readonly kms: KMSClient;
  readonly ledger: Ledger;
  readonly seal: Seal;
}

/** Appends an event, after the targets of its report, and anchors the row. Both are found again by a repetition, which changes nothing. */
export async function record(
  { ledger, seal, ...clients }: Recording,
  {
    storage,
    event,
    reportUri,
  }: { readonly storage: Storage; readonly event: AuditEvent; readonly reportUri?: string | undefined },
): Promise<AuditRecorded> {
  const { kind, ...body } = event;
  const targets = event.kind === 'ended' ? await targetsOf(clients.s3, event, reportUri) : [];
  const entries = [...targets, { kind, body }];
  const row = await withFailures({ resource: 'the audit chain of the ledger', action: 'append' }, () =>
    ledger.appendChain(entries, seal),
  );
  const { sequence, hash: head } = row;
  if (!storage.audit) return { sequence, head };
  return { sequence, head, headUri: await writeHead(clients, storage.audit, row) };
}

async function targetsOf(
  s3: S3Client,
  { request, execution, reportUri: told, reportHash }: Extract<AuditEvent, { kind: 'ended' }>,
  given: string | undefined,
): Promise<ChainEntry[]> {
  const uri = given ?? told;
  if (uri === undefined) return [];
  const { targets, lines } = await readReport(s3, uri, { most: MOST_TARGETS, expected: reportHash });
  if (lines > MOST_TARGETS) return [];
  return targets.map((target) => ({ kind: 'target', body: { request, execution, target } }));
}
