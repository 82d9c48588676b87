import { createHash } from 'node:crypto';
import { pipeline, type Readable } from 'node:stream';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Context } from '@temporalio/activity';
import { s3Uri } from '../../contracts/names.js';
import type { ExportPart, ExportRecord } from '../../contracts/prepare.js';
import { fail, withFailures } from '../errors.js';
import { NotCsv, NotUtf8, type RowFilter } from '../rows/filter.js';
import type { SuppressedRows } from '../rows/suppressed.js';
import { answeredByS3 } from '../s3/objects.js';
import { checkObject, headOf } from './objects.js';
import { publishedKey, type Places } from './places.js';
import type { Progress } from './progress.js';
import { LabelTally } from './statistics.js';
import { PartBuffers, uploaded } from './upload.js';

/** A publication under way. */
export interface Reading {
  readonly s3: S3Client;
  readonly places: Places;
  readonly progress: Progress;
  readonly kmsKey: string | undefined;
}

/** What an export holds, without suppressed rows. */
export interface Content {
  readonly parts: readonly ExportPart[];
  readonly tally: LabelTally;
  /** SHA-256 of all parts together. */
  readonly content: string;
}

/** Reads every part once: counts, statistics and the hash of the content; a part that has suppressed rows is written anew without them. */
export async function readThrough(it: Reading, suppressed: SuppressedRows, { parts }: ExportRecord): Promise<Content> {
  const { s3, places } = it;
  const [tally, hash] = [new LabelTally(), createHash('sha256')];
  it.progress.begin('read what was exported', () => tally.rows);
  const clean: ExportPart[] = [];
  const buffers = new PartBuffers();
  for (const [index, part] of parts.entries()) {
    const filters = suppressed.withoutSuppressed(publishedKey(places, index));
    const before = tally.rows;
    const seen = async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        Context.current().cancellationSignal.throwIfAborted();
        tally.add(chunk);
        hash.update(chunk);
        yield chunk;
      }
    };
    const body = await bodyOf(s3, places.bucket, part);
    if (filters.length === 0) {
      for await (const chunk of seen(body)) void chunk;
      clean.push({ ...part, rows: tally.rows - before });
      continue;
    }
    const filtered = filters.reduce(piped, body);
    const key = `${places.folder}clean_${String(index).padStart(4, '0')}`;
    const place = { bucket: places.bucket, key, ...(it.kmsKey !== undefined && { kmsKey: it.kmsKey }) };
    const bytes = await withFailures(
      { resource: s3Uri(places.bucket, key), action: 'leave out suppressed rows', permission: 's3:PutObject' },
      async () => uploaded(s3, place, seen(unsearchable(filtered, part, places)), buffers),
    );
    const head = await headOf(s3, places.bucket, key);
    checkObject(s3Uri(places.bucket, key), head, { bytes });
    if (bytes > 0) clean.push({ key, etag: head.ETag ?? '', bytes, rows: tally.rows - before });
  }
  if (tally.rows === 0)
    throw fail(
      'DataInvalid',
      `the query of ${s3Uri(places.bucket, places.folder)} has no rows, or none that no erasure request suppressed. Nothing was published`,
    );
  return { parts: clean, tally, content: hash.digest('hex') };
}

/** Passes a filter's bytes on. Rows that it can't read may be those that must not come back: then none is published. */
async function* unsearchable(source: AsyncIterable<Buffer>, { key }: ExportPart, { bucket }: Places) {
  try {
    yield* source;
  } catch (error) {
    if (!(error instanceof NotCsv || error instanceof NotUtf8)) throw error;
    throw fail(
      'DataInvalid',
      `${s3Uri(bucket, key)} can't be searched for rows that an erasure request suppressed: ${error.message}. Nothing was published: have the query answer text in UTF-8, no field of it over a megabyte`,
    );
  }
}

/** An error of either is the other's too: whoever reads the filter does not wait for ever, and a body that nobody reads on holds no connection. */
const piped = (source: Readable, filter: RowFilter): Readable => pipeline(source, filter, () => undefined);

async function bodyOf(s3: S3Client, bucket: string, { key, etag }: ExportPart): Promise<Readable> {
  const about = { resource: s3Uri(bucket, key), action: 'read', permission: 's3:GetObject' };
  return withFailures(about, async () => {
    const { Body, ETag } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }));
    answeredByS3(ETag, about.resource);
    return Body as Readable;
  });
}
