import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import { parseS3Uri, s3Uri } from '../../contracts/names.js';
import type { AuditEvent, ChainRow, ErasedAnswer } from '../../contracts/purge/audit.js';
import { TOMBSTONES_PREFIX } from '../../contracts/purge/index.js';
import type { Ledger } from '../../ledger/store.js';
import { fail, withFailures } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { answeredByS3, readText } from '../s3/objects.js';
import { readReportIfThere } from './report.js';

type How = ErasedAnswer['executions'][number]['how'][number];

interface Finding {
  readonly s3: S3Client;
  readonly ledger: Ledger;
  readonly hashes: KeyedHashes;
}

/**
 * Which executions of purges erased the object whose URI stands in the input object. Failures name that object, never the URI in it.
 * @throws InvalidRequest if it holds none
 */
export async function findErased({ s3, ledger, hashes }: Finding, inputUri: string): Promise<ErasedAnswer> {
  const { bucket, key } = await readQuestion(s3, inputUri);
  const hash = hashes.object(bucket, key);
  const found = new Map<string, Set<How>>();
  const add = (request: string, execution: string, how: How) => {
    const id = JSON.stringify([request, execution]);
    found.set(id, (found.get(id) ?? new Set()).add(how));
  };
  const chain = <T>(work: () => Promise<T>) =>
    withFailures({ resource: 'the audit chain of the ledger', action: 'read' }, work);

  const prefixes = beginnings(key).map((prefix) => hashes.prefix(bucket, prefix));
  for (const { body } of await chain(() => ledger.chainByTarget([hash, ...prefixes]))) {
    const row = JSON.parse(body) as { request: string; execution: string; target: { hash: string } };
    add(row.request, row.execution, row.target.hash === hash ? 'target' : 'prefix');
  }
  const named = new Set(prefixes);
  for (const row of await chain(() => ledger.chainWithoutTargets())) {
    const { request, execution, reportUri, reportHash: expected } = endedOf(row);
    if (reportUri === undefined) continue;
    await readReportIfThere(s3, reportUri, {
      ...{ most: 0, expected },
      each: (target) => {
        if (target.hash === hash) add(request, execution, 'target');
        else if (named.has(target.hash)) add(request, execution, 'prefix');
      },
    });
    heartbeat();
  }
  const listed = await listedRequests(s3, bucket, hash);
  const requests = new Set([...listed, ...[...found.keys()].map((id) => (JSON.parse(id) as [string])[0])]);
  const executions: ErasedAnswer['executions'][number][] = [];
  for (const request of requests) {
    const { rows } = await chain(() => ledger.chainOfRequest(request));
    for (const begun of rows.filter(({ kind }) => kind === 'requested')) {
      const { execution } = JSON.parse(begun.body) as { execution: string };
      const how = found.get(JSON.stringify([request, execution])) ?? new Set();
      // The list has what was named, too: of that it says nothing new.
      if (listed.has(request) && !how.has('target')) how.add('listed');
      if (how.size === 0) continue;
      const end = rows.find((row) => row.kind === 'ended' && endedOf(row).execution === execution);
      if (end && erasedNothing(endedOf(end))) continue;
      executions.push({
        ...{ request, execution, requestedAt: begun.at, how: [...how] },
        ...(end && { endedAt: end.at, outcome: endedOf(end).outcome }),
      });
    }
  }
  return { hash, executions: executions.sort((a, b) => (a.requestedAt < b.requestedAt ? -1 : 1)) };
}

/** Whether an execution is known to have erased nothing: one that was stopped half-way counts what it has reported, which may not be all. */
function erasedNothing({ outcome, reason, erased, copies, rows }: Extract<AuditEvent, { kind: 'ended' }>): boolean {
  const known = !['Failed', 'Cancelled'].includes(outcome) || reason.startsWith('inspect:');
  const { versions, markers, uploads } = erased;
  return known && versions + markers + uploads + copies.files + (rows?.rows ?? 0) === 0;
}

const endedOf = ({ body }: ChainRow) => JSON.parse(body) as Extract<AuditEvent, { kind: 'ended' }>;

async function readQuestion(s3: S3Client, inputUri: string): Promise<{ bucket: string; key: string }> {
  const at = parseS3Uri(inputUri);
  const stored = await readText(s3, at.bucket, at.key);
  try {
    const { uri } = JSON.parse(stored?.body ?? '') as { uri: string };
    return parseS3Uri(uri);
  } catch {
    // Whatever went wrong, its message would tell what stands there.
    throw fail('InvalidRequest', `${inputUri} holds no question: it must be { "uri": "s3://bucket/key" }`);
  }
}

/** Every prefix that the key lies under, the empty one and the key itself among them. */
function beginnings(key: string): string[] {
  let prefix = '';
  return ['', ...[...key].map((character) => (prefix += character))];
}

/** Requests whose purges erased the key under a prefix, or named it: as the lists of tombstones in its bucket have it. */
async function listedRequests(s3: S3Client, bucket: string, hash: string): Promise<ReadonlySet<string>> {
  const requests = new Set<string>();
  for await (const key of tombstoneLists(s3, bucket)) {
    heartbeat();
    const request = key.slice(TOMBSTONES_PREFIX.length).split('/')[0];
    if (request && !requests.has(request) && (await hasLine(s3, bucket, key, hash))) requests.add(request);
  }
  return requests;
}

async function* tombstoneLists(s3: S3Client, bucket: string): AsyncGenerator<string> {
  const resource = s3Uri(bucket, TOMBSTONES_PREFIX);
  let ContinuationToken: string | undefined;
  do {
    const page = await withFailures({ resource, action: 'list', permission: 's3:ListBucket' }, () =>
      s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: TOMBSTONES_PREFIX, ContinuationToken })),
    );
    answeredByS3(page.Name, resource);
    for (const { Key = '' } of page.Contents ?? []) if (Key.endsWith('.txt')) yield Key;
    ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (ContinuationToken !== undefined);
}

async function hasLine(s3: S3Client, bucket: string, key: string, wanted: string): Promise<boolean> {
  return withFailures({ resource: s3Uri(bucket, key), action: 'read', permission: 's3:GetObject' }, async () => {
    const { Body, ETag } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    answeredByS3(ETag, s3Uri(bucket, key));
    const lines = Body as Readable;
    try {
      for await (const line of createInterface({ input: lines })) if (line === wanted) return true;
      return false;
    } finally {
      lines.destroy();
    }
  });
}
