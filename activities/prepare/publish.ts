import { CopyObjectCommand, DeleteObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Context } from '@temporalio/activity';
import { s3Uri } from '../../contracts/names.js';
import type { ExportPart, ExportRecord, PrepareInput } from '../../contracts/prepare.js';
import { fail, withFailures } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { eraseVersions } from '../lineage/versions.js';
import { suppressedRows } from '../rows/suppressed.js';
import { namesIn, writeOnce } from '../s3/objects.js';
import { readRecord, recordConflict, recordKey } from '../s3/records.js';
import { checkObject, clear, headOf } from './objects.js';
import { isExported, placesOf, publishedKey, type Places } from './places.js';
import type { Progress } from './progress.js';
import { CONTENT, holds, wantedHash, type Published, type PublishedRecord } from './published.js';
import { readThrough, type Content, type Reading } from './read-through.js';

/** Of how many objects of an earlier export these take the place. */
type ReplacingRecord = { readonly version: 1; readonly replaced: number };

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
  const { bucket, folder, done } = places;
  const known = await readRecord<PublishedRecord>(s3, bucket, done);
  const it: Reading = { s3, places, progress, kmsKey: recordKey(input.definition) };
  let published: Published;
  if (known) {
    const { version: _version, made: _made, ...rest } = known.record;
    published = rest;
  } else {
    const { content, ...fresh } = await publishParts(it, hashes, input, exported);
    const made = { content, wanted: wantedHash(input.definition), seconds: exported.seconds };
    if (!(await recordOnce<PublishedRecord>(it, done, { version: 1, ...fresh, made })))
      throw recordConflict(s3Uri(bucket, done));
    published = fresh;
  }
  await clear(s3, bucket, folder, isPart);
  return published;
}

/** Answers false where another content is there. */
async function recordOnce<T extends object>({ s3, places, kmsKey }: Reading, key: string, record: T): Promise<boolean> {
  const { bucket } = places;
  const body = JSON.stringify(record);
  return (await writeOnce(s3, { bucket, key, body, ...(kmsKey !== undefined && { kmsKey }) })) === undefined;
}

const isPart = (name: string) => name.startsWith('data_') || name.startsWith('clean_');

async function publishParts(
  it: Reading,
  hashes: KeyedHashes,
  input: PrepareInput,
  exported: ExportRecord,
): Promise<Published & { readonly content: string }> {
  const { s3, places } = it;
  const { definition } = input;
  await refuseForeign(s3, places);
  const suppressed = await suppressedRows(s3, hashes, places.bucket);
  const found = await readThrough(it, suppressed, exported);
  const { parts, tally, content } = found;
  const label = definition.prepare?.redshift.label ?? '';
  const { algorithm } = definition.training;
  if (algorithm !== undefined && tally.notNumbers > 0)
    throw fail(
      'DataInvalid',
      `the label ${label} of ${tally.notNumbers} of ${tally.rows} exported rows is no number, which ${algorithm} can't train on: have the query leave them out. Nothing was published`,
    );
  const others = await putInPlace(it, found);
  // A request writes down what it suppresses before it looks for rows: one that came meanwhile may have looked before these lay here.
  if (await suppressed.isOutdated()) return publishParts(it, hashes, input, exported);
  const replaced = others && (await replace(it, others));
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const statistics = tally.statistics(label);
  return {
    ...{ rows, bytes: sizeOf(parts), parts: parts.length },
    ...{ columns: exported.columns.length, suppressed: exported.rows - rows },
    ...{ publishedTo: s3Uri(places.bucket, places.published), replaced: replaced ?? 0 },
    ...{ unchanged: replaced === undefined, content, ...(statistics && { label: statistics }) },
  };
}

const sizeOf = (parts: readonly ExportPart[]) => parts.reduce((sum, { bytes }) => sum + bytes, 0);

/** Publishes the parts; answers the names of an earlier export's objects that they replace, undefined if that one has the same content and stays. */
async function putInPlace(it: Reading, { parts, content }: Content): Promise<string[] | undefined> {
  const { s3, places } = it;
  const { bucket, published, name } = places;
  const [mine, others] = await publishedNames(s3, places);
  // What an earlier try of this run published is no sign that nothing is new.
  const place = { bucket, folder: published };
  const wantedParts = { parts: parts.length, content, bytes: sizeOf(parts) };
  if (mine.length === 0 && (await holds(s3, place, others, wantedParts))) return undefined;
  if (!(await holds(s3, place, mine, wantedParts))) await copyAll(it, parts, content);
  // What an earlier try put there may have a row that was suppressed since then: a part more, or an old version.
  if (mine.length > 0) {
    const wanted = new Set(parts.map((_, index) => publishedKey(places, index)));
    await eraseVersions(
      s3,
      { bucket, prefix: `${published}${name}` },
      ({ key, latest }) => !latest || !wanted.has(key),
    );
  }
  return others;
}

/** Names of the date's objects: those that this run published, and the others. */
async function publishedNames(s3: S3Client, { bucket, published, name }: Places): Promise<[string[], string[]]> {
  const names = await namesIn(s3, bucket, published);
  return [names.filter((one) => one.startsWith(name)), names.filter((one) => !one.startsWith(name))];
}

/**
 * Removes what the run's own objects, all published, take the place of. Their number is put down before the first goes: the next try can't count
 * them any more, and from then on there is no way back.
 */
async function replace(it: Reading, others: readonly string[]): Promise<number> {
  const { s3, places } = it;
  const { bucket, published, replacing } = places;
  const record: ReplacingRecord = { version: 1, replaced: others.length };
  const known = () => readRecord<ReplacingRecord>(s3, bucket, replacing);
  let earlier = await known();
  if (!earlier && others.length > 0 && !(await recordOnce(it, replacing, record))) earlier = await known();
  for (const name of others) await remove(s3, bucket, `${published}${name}`);
  return earlier?.record.replaced ?? others.length;
}

async function copyAll(
  { s3, places, progress, kmsKey }: Reading,
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
          ...{
            Bucket: bucket,
            Key: key,
            CopySource: `${bucket}/${encodeURIComponent(part.key)}`,
            CopySourceIfMatch: part.etag,
          },
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

/**
 * Takes back what a run that comes to no end exported, and what it published in part. What was published whole stays: it is that date's data,
 * once objects of an earlier export have begun to go even its only one.
 */
export async function discard(s3: S3Client, input: PrepareInput): Promise<number> {
  const places = placesOf(input);
  const { bucket, folder, published, name, done, replacing } = places;
  const whole = await readRecord<PublishedRecord>(s3, bucket, done);
  const begun = whole ? undefined : await readRecord<ReplacingRecord>(s3, bucket, replacing);
  if (begun) await finishReplacing(s3, places);
  const removed = await clear(s3, bucket, folder, isPart);
  return whole || begun ? removed : removed + (await clear(s3, bucket, `${published}${name}`));
}

async function finishReplacing(s3: S3Client, places: Places): Promise<void> {
  const [, others] = await publishedNames(s3, places);
  for (const other of others) await remove(s3, places.bucket, `${places.published}${other}`);
}
