import { Readable } from 'node:stream';
import { Upload } from '@aws-sdk/lib-storage';
import type { S3Client } from '@aws-sdk/client-s3';
import { to as copyTo } from 'pg-copy-streams';
import { s3Uri } from '../../contracts/names.js';
import type { ExportPart, ExportRecord, PrepareInput } from '../../contracts/prepare.js';
import { toFailure } from '../errors.js';
import { recordKey } from '../s3/records.js';
import { checkObject, clear, headOf } from './objects.js';
import { placesOf } from './places.js';
import { RowSplitter } from './rows.js';
import type { Session } from './session.js';
import { bare } from './sql.js';

/** Two parts of an upload in flight are 16 MiB: what an export of any size holds in memory. */
const UPLOAD = { partSize: 8 * 1_048_576, queueSize: 2 };

export const copyOutStatement = (query: string): string => `COPY (${bare(query)}) TO STDOUT (FORMAT csv)`;

/** Streams the query's result from PostgreSQL into encrypted objects. A try before this one, and its statement, are put an end to first. */
export async function copyOut(
  session: Session,
  s3: S3Client,
  input: PrepareInput,
  query: string,
): Promise<Pick<ExportRecord, 'parts' | 'rows' | 'bytes' | 'seconds'>> {
  const { definition } = input;
  const places = placesOf(input);
  const began = Date.now();
  await session.query(
    'end an earlier try',
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()',
    [session.tag.slice(0, 63)],
  );
  await clear(s3, places.bucket, places.folder);
  const kmsKey = recordKey(definition);
  const source = session.client.query(copyTo(copyOutStatement(query)));
  // What the server says is told apart from what the upload says.
  let refused: unknown;
  source.once('error', (error: unknown) => (refused = error));
  const rows = new RowSplitter(source as AsyncIterable<Buffer>);
  session.progress.begin('copy the query', () => rows.rows);
  const parts: ExportPart[] = [];
  const most = (definition.prepare?.redshift.maxFileMiB ?? 256) * 1_048_576;
  try {
    while (await rows.hasMore()) {
      const [before, key] = [rows.rows, `${places.parts}${String(parts.length).padStart(4, '0')}`];
      const bytes = await uploaded(
        s3,
        { bucket: places.bucket, key, ...(kmsKey !== undefined && { kmsKey }) },
        rows.part(most),
      );
      const head = await headOf(s3, places.bucket, key);
      checkObject(s3Uri(places.bucket, key), head, { bytes });
      parts.push({ key, etag: head.ETag ?? '', bytes, rows: rows.rows - before });
    }
  } catch (error) {
    source.destroy();
    if (refused !== undefined) throw session.failure('copy the query', refused, began);
    throw toFailure(error, {
      resource: s3Uri(places.bucket, places.parts),
      action: 'write',
      permission: 's3:PutObject',
    });
  }
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  return { parts, rows: rows.rows, bytes, seconds: (Date.now() - began) / 1_000 };
}

/** Uploads what a source yields; answers how many bytes. A failed upload leaves no parts. */
export async function uploaded(
  s3: S3Client,
  { bucket, key, kmsKey }: { readonly bucket: string; readonly key: string; readonly kmsKey?: string },
  source: AsyncIterable<Buffer>,
): Promise<number> {
  let bytes = 0;
  async function* counted() {
    for await (const chunk of source) {
      bytes += chunk.length;
      yield chunk;
    }
  }
  await new Upload({
    client: s3,
    ...UPLOAD,
    params: {
      ...{ Bucket: bucket, Key: key, Body: Readable.from(counted(), { objectMode: false }), ContentType: 'text/csv' },
      ...(kmsKey !== undefined && { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: kmsKey }),
    },
  }).done();
  return bytes;
}
