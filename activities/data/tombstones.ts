import { createInterface } from 'node:readline';
import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import pLimit from 'p-limit';
import { HMAC_PARAMETER, s3Uri } from '../../contracts/names.js';
import { TOMBSTONES_PREFIX } from '../../contracts/purge/index.js';
import type { FileEntry } from '../../contracts/records.js';
import { fail, toFailure, withFailures } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { answeredByS3, readText } from '../s3/objects.js';
import { grouped } from '../lineage/places.js';
import { parseRecord } from '../s3/records.js';

/** Lists read at the same time. */
const READERS = 8;

/** Lists of hashes whose keys were let in again. No request has such an id. */
export const LIFTED_PREFIX = `${TOMBSTONES_PREFIX}_lifted/`;

/** First line of a list: what the key of the keyed hashes makes of a fixed word, which tells that it still is the same key. */
export const listHead = (hashes: KeyedHashes): string => `# ${hashes.value('perennial tombstones')}`;

/** Whether a line of a list is a keyed hash: its first line is none, nor are those that tell what its window held. */
export const isHash = (line: string): boolean => /^[\w-]{43}$/.test(line);

/** Tombstones of prefixes, in plain, as long as their purge runs. */
export interface PlainTombstones {
  readonly version: 1;
  readonly prefixes: readonly string[];
}

/** An object under TOMBSTONES_PREFIX. */
export interface Stone {
  readonly key: string;
  readonly etag: string;
  readonly size: number;
  /** Milliseconds; S3 tells whole seconds. */
  readonly modified: number;
  readonly request: string;
}

/** The newest tombstone of a key. */
export interface Standing {
  readonly request: string;
  readonly modified: number;
}

/** What lies under TOMBSTONES_PREFIX of a bucket. */
export async function listStones(s3: S3Client, bucket: string): Promise<Stone[]> {
  const resource = s3Uri(bucket, TOMBSTONES_PREFIX);
  return withFailures({ resource, action: 'list', permission: 's3:ListBucket' }, async () => {
    const found: Stone[] = [];
    for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: TOMBSTONES_PREFIX })) {
      answeredByS3(page.Name, resource);
      for (const { Key = '', ETag: etag = '', Size: size = 0, LastModified } of page.Contents ?? []) {
        const request = Key.slice(TOMBSTONES_PREFIX.length).split('/')[0] ?? '';
        found.push({ key: Key, etag, size, modified: LastModified?.getTime() ?? 0, request });
      }
    }
    return found;
  });
}

/**
 * The hashes, among those wanted, that have a tombstone newer than their last lifting; one of the same second counts as newer. Lists are read
 * line by line: they may have millions.
 * @throws DataInvalid if a list was made with another key than `hashes`: nothing in it would be known again
 */
export async function standingHashes(
  s3: S3Client,
  { bucket, stones, hashes }: { bucket: string; stones: readonly Stone[]; hashes: KeyedHashes },
  wanted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Standing>> {
  const out = new Map<string, Standing>();
  const lifted = new Map<string, number>();
  const head = listHead(hashes);
  const lists = stones.filter(({ key }) => key.endsWith('.txt'));
  await pLimit(READERS).map(lists, async ({ key, modified, request }) => {
    heartbeat();
    for await (const line of linesOf(s3, bucket, key)) {
      if (line.startsWith('#') && line !== head) throw otherKey(bucket, key);
      if (!wanted.has(line)) continue;
      if (key.startsWith(LIFTED_PREFIX)) lifted.set(line, Math.max(modified, lifted.get(line) ?? 0));
      else if (modified >= (out.get(line)?.modified ?? 0)) out.set(line, { request, modified });
    }
  });
  return new Map([...out].filter(([hash, { modified }]) => modified >= (lifted.get(hash) ?? 0)));
}

/** Files that may be trained on, and how many may not, by the request that erased them. */
export interface Admitted {
  readonly admitted: ReadonlySet<FileEntry>;
  /** In sentences; without a key. */
  readonly notes: readonly string[];
}

/**
 * Leaves out the files of a bucket that a purge erased, or is erasing: also what was uploaded again under their keys, until somebody lifts that. Costs
 * one request where nothing was ever purged.
 */
export async function admit(
  s3: S3Client,
  hashes: () => Promise<KeyedHashes>,
  { bucket, files }: { readonly bucket: string; readonly files: readonly FileEntry[] },
): Promise<Admitted> {
  const stones = files.length === 0 ? [] : await listStones(s3, bucket);
  if (stones.length === 0) return { admitted: new Set(files), notes: [] };
  const keyed = await hashes();
  const byHash = grouped(files, (file) => keyed.object(bucket, file.key));
  const [standing, plain] = await Promise.all([
    standingHashes(s3, { bucket, stones, hashes: keyed }, new Set(byHash.keys())),
    plainPrefixes(s3, bucket, stones),
  ]);
  // A purge ended meanwhile: the hashes that hold from then on are in lists that were not there yet.
  if (plain === undefined) return admit(s3, hashes, { bucket, files });
  const admitted = new Set(files);
  const left = new Map<string, number>();
  for (const [hash, same] of byHash) {
    const { key } = same[0] as FileEntry;
    const request = standing.get(hash)?.request ?? plain.find(({ prefix }) => key.startsWith(prefix))?.request;
    if (request === undefined) continue;
    for (const file of same) admitted.delete(file);
    left.set(request, (left.get(request) ?? 0) + 1);
  }
  const notes = [...left].map(
    ([request, count]) => `${count} object${count === 1 ? '' : 's'} left out: purged (request ${request})`,
  );
  return { admitted, notes };
}

/** Prefixes that purges under way are erasing; undefined if one of the purges ended since the stones were listed. */
export async function plainPrefixes(
  s3: S3Client,
  bucket: string,
  stones: readonly Stone[],
): Promise<{ prefix: string; request: string }[] | undefined> {
  const plain = stones.filter(({ key }) => key.endsWith('.json'));
  const read = await pLimit(READERS).map(plain, async ({ key, request }) => {
    const stored = await readText(s3, bucket, key);
    if (!stored) return undefined;
    const { prefixes } = parseRecord<PlainTombstones>(stored.body, s3Uri(bucket, key));
    return prefixes.map((prefix) => ({ prefix, request }));
  });
  return read.some((one) => one === undefined) ? undefined : read.flatMap((one) => one ?? []);
}

/** The lines of a list of hashes. */
export async function* linesOf(s3: S3Client, bucket: string, key: string): AsyncGenerator<string> {
  try {
    const { Body, ETag } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    answeredByS3(ETag, s3Uri(bucket, key));
    if (Body) yield* createInterface({ input: Body as NodeJS.ReadableStream, crlfDelay: Infinity });
  } catch (error) {
    if (error instanceof ApplicationFailure) throw error;
    throw toFailure(error, { resource: s3Uri(bucket, key), action: 'read', permission: 's3:GetObject' });
  }
}

/** What is said of a list whose hashes can't be compared. */
export const otherKey = (bucket: string, key: string) =>
  fail(
    'DataInvalid',
    `${s3Uri(bucket, key)} was made with another key than SSM parameter ${HMAC_PARAMETER} holds now, so what was purged can't be told from what was not: restore the parameter's former value`,
  );
