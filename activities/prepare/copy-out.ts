import { s3Uri } from '../../contracts/names.js';
import type { ExportPart, ExportRecord, PrepareInput } from '../../contracts/prepare.js';
import { fail, toFailure } from '../errors.js';
import { recordKey } from '../s3/records.js';
import { CopyRows } from './copy-rows.js';
import { checkObject, clear, headOf, keyId, type ExportDeps } from './objects.js';
import { placesOf } from './places.js';
import { RowSplitter } from './rows.js';
import type { Session } from './session.js';
import { bare } from './sql.js';
import { PartBuffers, uploaded } from './upload.js';

/** The query ends with a line: its last one may be a comment. */
export const copyOutStatement = (query: string): string => `COPY (${bare(query)}\n) TO STDOUT (FORMAT csv)`;

/** Streams the query's result from PostgreSQL into encrypted objects. A try before this one, and its statement, are put an end to first. */
export async function copyOut(
  session: Session,
  { s3, kms }: ExportDeps,
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
  const kmsKey = await keyId(kms, recordKey(definition));
  const source = session.client.query(new CopyRows(copyOutStatement(query)));
  const rows = new RowSplitter(source);
  session.progress.begin('copy the query', () => rows.rows);
  const buffers = new PartBuffers();
  const parts: ExportPart[] = [];
  const most = (definition.prepare?.redshift.maxFileMiB ?? 256) * 1_048_576;
  try {
    while (await rows.hasMore()) {
      const [before, key] = [rows.rows, `${places.parts}${String(parts.length).padStart(4, '0')}`];
      const bytes = await uploaded(
        s3,
        { bucket: places.bucket, key, ...(kmsKey !== undefined && { kmsKey }) },
        rows.part(most),
        buffers,
      );
      const head = await headOf(s3, places.bucket, key);
      checkObject(s3Uri(places.bucket, key), head, { bytes, ...(kmsKey !== undefined && { kmsKey }) });
      parts.push({ key, etag: head.ETag ?? '', bytes, rows: rows.rows - before });
    }
  } catch (error) {
    // What the server says is told apart from what the upload says.
    if (source.error !== undefined) throw session.failure('copy the query', source.error, began);
    throw toFailure(error, {
      resource: s3Uri(places.bucket, places.parts),
      action: 'write',
      permission: 's3:PutObject',
    });
  }
  if (source.rows !== rows.rows)
    throw fail(
      'DataInvalid',
      `${session.name}: the server sent ${source.rows} rows, and ${rows.rows} were written to ${s3Uri(places.bucket, places.parts)}. Nothing was published; this is a defect of Perennial`,
    );
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  return { parts, rows: rows.rows, bytes, seconds: (Date.now() - began) / 1_000 };
}
