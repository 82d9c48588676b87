import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { Context } from '@temporalio/activity';
import { parseS3Uri, s3Uri } from '../../contracts/names.js';
import type { ExportPart, ExportRecord, PrepareInput } from '../../contracts/prepare.js';
import { fail } from '../errors.js';
import { readText } from '../s3/objects.js';
import { recordKey } from '../s3/records.js';
import { checkObject, clear, headOf, keyId, type ExportDeps } from './objects.js';
import { placesOf, type Places } from './places.js';
import type { Session } from './session.js';
import { unloadStatement } from './sql.js';

const LOOK_EVERY_MS = 2_000;
/** States of sys_query_history in which a statement is not over (Redshift documentation). */
const UNDER_WAY = /^(planning|queued|running|returning)$/;

type Unloaded = Pick<ExportRecord, 'parts' | 'rows' | 'bytes' | 'seconds'> & { readonly attached: boolean };

/** Has Redshift write the query's result, once: what an earlier try has begun is waited for, and what it has done is taken. */
export async function unload(
  session: Session,
  deps: ExportDeps,
  input: PrepareInput,
  query: string,
): Promise<Unloaded> {
  const { definition } = input;
  const places = placesOf(input);
  const began = Date.now();
  const kmsKey = await keyId(deps.kms, recordKey(definition));
  const { role = '', maxFileMiB = 256 } = definition.prepare?.redshift ?? {};
  const before = await earlier(session);
  const manifest = before === 'success' ? await readManifest(deps.s3, places) : undefined;
  if (!manifest) {
    await clear(deps.s3, places.bucket, places.folder);
    const to = s3Uri(places.bucket, places.parts);
    await session.query(
      'unload the query',
      unloadStatement({ query, to, role, maxFileMiB, ...(kmsKey !== undefined && { kmsKey }) }),
    );
  }
  const written = manifest ?? (await readManifest(deps.s3, places));
  if (!written)
    throw fail(
      'ServiceUnavailable',
      `${session.name}: UNLOAD ended without its manifest ${s3Uri(places.bucket, places.manifest)}. It is tried again; if it lasts, look at the bucket's rules`,
    );
  const parts = await verified(deps.s3, places, written, kmsKey);
  const sum = (of: (part: ExportPart) => number) => parts.reduce((all, part) => all + of(part), 0);
  return {
    ...{ parts, rows: sum(({ rows }) => rows), bytes: sum(({ bytes }) => bytes) },
    ...{ seconds: (Date.now() - began) / 1_000, attached: manifest !== undefined },
  };
}

/** How the newest UNLOAD with this run's tag ended; waits while one is under way. Undefined where there was none. */
async function earlier({ query, tag }: Session): Promise<string | undefined> {
  const sql = `SELECT trim(status) AS status FROM sys_query_history WHERE query_label = $1 AND query_type = 'UNLOAD' ORDER BY start_time DESC LIMIT 1`;
  for (;;) {
    const { rows } = await query<{ status: string }>('look for an earlier try', sql, [tag]);
    const status = rows[0]?.status;
    if (status === undefined || !UNDER_WAY.test(status)) return status;
    await sleep(LOOK_EVERY_MS, undefined, { signal: Context.current().cancellationSignal });
  }
}

interface Manifest {
  readonly entries: readonly {
    readonly url: string;
    readonly meta: { readonly content_length: number; readonly record_count: number };
  }[];
}

async function readManifest(s3: S3Client, { bucket, manifest }: Places): Promise<Manifest | undefined> {
  const stored = await readText(s3, bucket, manifest);
  if (!stored) return undefined;
  const value = JSON.parse(stored.body) as Partial<Manifest>;
  if (!Array.isArray(value.entries))
    throw fail(
      'DataInvalid',
      `${s3Uri(bucket, manifest)} is no manifest of UNLOAD. Nothing was published; start a new run`,
    );
  return value as Manifest;
}

/** Every part is there, as long and as encrypted as it should be. */
async function verified(
  s3: S3Client,
  { bucket, parts: prefix }: Places,
  { entries }: Manifest,
  kmsKey: string | undefined,
): Promise<ExportPart[]> {
  const parts: ExportPart[] = [];
  for (const { url, meta } of entries) {
    const place = parseS3Uri(url);
    if (place.bucket !== bucket || !place.key.startsWith(prefix))
      throw fail(
        'DataInvalid',
        `the manifest of ${s3Uri(bucket, prefix)} names an object elsewhere. Nothing was published; start a new run`,
      );
    const head = await headOf(s3, bucket, place.key);
    checkObject(url, head, { bytes: meta.content_length, ...(kmsKey !== undefined && { kmsKey }) });
    parts.push({ key: place.key, etag: head.ETag ?? '', bytes: meta.content_length, rows: meta.record_count });
  }
  return parts;
}
