import { createHash } from 'node:crypto';
import { CopyObjectCommand, DeleteObjectCommand, GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Context } from '@temporalio/activity';
import { s3Uri } from '../../contracts/names.js';
import type { ExportPart, ExportRecord, PrepareInput } from '../../contracts/prepare.js';
import { fail, withFailures } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { suppressedRows } from '../rows/suppressed.js';
import { answeredByS3, writeOnce } from '../s3/objects.js';
import { readRecord, recordConflict, recordKey } from '../s3/records.js';
import { uploaded } from './copy-out.js';
import { checkObject, clear, headOf, namesIn } from './objects.js';
import { isExported, placesOf, type Places } from './places.js';
import type { Progress } from './progress.js';
import { CONTENT, holds, wantedHash, type Published, type PublishedRecord } from './published.js';
import { LabelTally } from './statistics.js';

interface Publishing {
  readonly s3: S3Client;
  readonly input: PrepareInput;
  readonly places: Places;
  readonly progress: Progress;
  readonly kmsKey: string | undefined;
}

/** Fails where the date's folder has what no export made: publishing would mix with it. */
export async function refuseForeign(s3: S3Client, { bucket, published }: Places): Promise<void> {
  const foreign = (await namesIn(s3, bucket, published)).filter((name) => !isExported(name)).length;
  if (foreign > 0)
    throw fail(
      'InvalidRequest',
      `${s3Uri(bucket, published)} holds ${foreign} objects that no export made: move them away, or give data.prefix of the definition another value, then start a new run`,
    );
}

/**
 * Drops suppressed rows, takes the statistics, and copies the parts to where check data looks: first all of them, then what they replace goes.
 * At its end the run's own copies go, with all versions: a person's rows are to lie in one place.
 */
export async function publish(
  s3: S3Client,
  hashes: KeyedHashes,
  input: PrepareInput,
  exported: ExportRecord,
  progress: Progress,
): Promise<Published> {
  const places = placesOf(input);
  const { bucket, folder } = places;
  const doneKey = `${folder}published.json`;
  const known = await readRecord<PublishedRecord>(s3, bucket, doneKey);
  const it: Publishing = { s3, input, places, progress, kmsKey: recordKey(input.definition) };
  let published: Published;
  if (known) {
    const { version: _version, made: _made, ...rest } = known.record;
    published = rest;
  } else {
    const { content, ...fresh } = await publishParts(it, hashes, exported);
    const made = { content, wanted: wantedHash(input.definition), seconds: exported.seconds };
    const record: PublishedRecord = { version: 1, ...fresh, made };
    const body = JSON.stringify(record);
    if (
      (await writeOnce(s3, { bucket, key: doneKey, body, ...(it.kmsKey !== undefined && { kmsKey: it.kmsKey }) })) !==
      undefined
    )
      throw recordConflict(s3Uri(bucket, doneKey));
    published = fresh;
  }
  await clear(s3, bucket, folder, isPart);
  return published;
}

const isPart = (name: string) => name.startsWith('data_') || name.startsWith('clean_');

async function publishParts(
  it: Publishing,
  hashes: KeyedHashes,
  exported: ExportRecord,
): Promise<Published & { readonly content: string }> {
  const { s3, input, places } = it;
  const { bucket, published } = places;
  await refuseForeign(s3, places);
  const { parts, tally, content } = await readThrough(it, hashes, exported);
  const label = input.definition.prepare?.redshift.label ?? '';
  const { algorithm } = input.definition.training;
  if (algorithm !== undefined && tally.notNumbers > 0)
    throw fail(
      'DataInvalid',
      `the label ${label} of ${tally.notNumbers} of ${tally.rows} exported rows is no number, which ${algorithm} can't train on: have the query leave them out. Nothing was published`,
    );
  const before = await namesIn(s3, bucket, published);
  const unchanged = await holds(s3, { bucket, folder: published }, before, { parts: parts.length, content });
  if (!unchanged) await copyAll(it, parts, content);
  const mine = (name: string) => name.startsWith(places.name);
  const replaced = unchanged ? [] : before.filter((name) => !mine(name));
  for (const name of replaced) await remove(s3, bucket, `${published}${name}`);
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const statistics = tally.statistics(label);
  return {
    ...{ rows, bytes: parts.reduce((sum, part) => sum + part.bytes, 0), parts: parts.length },
    ...{ columns: exported.columns.length, suppressed: exported.rows - rows, publishedTo: s3Uri(bucket, published) },
    ...{ replaced: replaced.length, unchanged, content, ...(statistics && { label: statistics }) },
  };
}

/** Reads every part once: counts, statistics and the hash of the content; a part that has suppressed rows is written anew without them. */
async function readThrough(it: Publishing, hashes: KeyedHashes, { parts }: ExportRecord) {
  const { s3, places } = it;
  const suppressed = await suppressedRows(s3, hashes, places.bucket);
  const [tally, hash] = [new LabelTally(), createHash('sha256')];
  it.progress.begin('read what was exported', () => tally.rows);
  const clean: ExportPart[] = [];
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
    const filtered = filters.reduce<NodeJS.ReadableStream>(
      (stream, filter) => piped(stream, filter),
      body as unknown as NodeJS.ReadableStream,
    );
    const key = `${places.folder}clean_${String(index).padStart(4, '0')}`;
    const place = { bucket: places.bucket, key, ...(it.kmsKey !== undefined && { kmsKey: it.kmsKey }) };
    const bytes = await uploaded(s3, place, seen(filtered as unknown as AsyncIterable<Buffer>));
    const head = await headOf(s3, places.bucket, key);
    if (bytes > 0) clean.push({ key, etag: head.ETag ?? '', bytes, rows: tally.rows - before });
  }
  if (tally.rows === 0)
    throw fail(
      'DataInvalid',
      `the query of ${s3Uri(places.bucket, places.folder)} has no rows, or none that no erasure request suppressed. Nothing was published`,
    );
  return { parts: clean, tally, content: hash.digest('hex') };
}

/** An error of the source is the filter's too: whoever reads the filter must not wait for ever. */
function piped(
  source: NodeJS.ReadableStream,
  filter: NodeJS.ReadWriteStream & { destroy(error?: Error): unknown },
): NodeJS.ReadableStream {
  source.once('error', (error: Error) => filter.destroy(error));
  return source.pipe(filter);
}

async function bodyOf(s3: S3Client, bucket: string, { key, etag }: ExportPart): Promise<AsyncIterable<Buffer>> {
  const about = { resource: s3Uri(bucket, key), action: 'read', permission: 's3:GetObject' };
  return withFailures(about, async () => {
    const { Body, ETag } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }));
    answeredByS3(ETag, about.resource);
    return Body as unknown as AsyncIterable<Buffer>;
  });
}

const publishedKey = ({ published, name }: Places, index: number) =>
  `${published}${name}${String(index).padStart(4, '0')}.csv`;

async function copyAll(
  { s3, places, progress, kmsKey }: Publishing,
  parts: readonly ExportPart[],
  content: string,
): Promise<void> {
  const { bucket, published } = places;
  progress.begin(`publish ${parts.length} objects to ${s3Uri(bucket, published)}`);
  for (const [index, part] of parts.entries()) {
    progress.beat();
    Context.current().cancellationSignal.throwIfAborted();
    const key = publishedKey(places, index);
    const about = {
      resource: s3Uri(bucket, key),
      action: 'publish by copy',
      permission: 's3:PutObject, s3:GetObject and kms:GenerateDataKey',
    };
    await withFailures(about, () =>
      s3.send(
        new CopyObjectCommand({
          ...{ Bucket: bucket, Key: key, CopySource: `${bucket}/${part.key}`, CopySourceIfMatch: part.etag },
          ...{ MetadataDirective: 'REPLACE' as const, Metadata: { [CONTENT]: content }, ContentType: 'text/csv' },
          ...(kmsKey !== undefined && { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: kmsKey }),
        }),
      ),
    );
    checkObject(about.resource, await headOf(s3, bucket, key), { bytes: part.bytes });
  }
}

function remove(s3: S3Client, Bucket: string, Key: string): Promise<unknown> {
  return withFailures({ resource: s3Uri(Bucket, Key), action: 'remove', permission: 's3:DeleteObject' }, () =>
    s3.send(new DeleteObjectCommand({ Bucket, Key })),
  );
}

/** Takes back what a run that comes to no end exported, and what it published in part. What was published whole stays: it is that date's data. */
export async function discard(s3: S3Client, input: PrepareInput): Promise<number> {
  const places = placesOf(input);
  const { bucket, folder, published, name } = places;
  const whole = await readRecord<PublishedRecord>(s3, bucket, `${folder}published.json`);
  const removed = await clear(s3, bucket, folder, isPart);
  if (whole) return removed;
  return removed + (await clear(s3, bucket, `${published}${name}`));
}
