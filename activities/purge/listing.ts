import { ListObjectVersionsCommand, type ListObjectVersionsCommandOutput, type S3Client } from '@aws-sdk/client-s3';
import { fail } from '../errors.js';
import { answeredByS3 } from '../s3/objects.js';
import { quietly } from './failures.js';
import { decoderOf, keepLineEnds } from './wire.js';

/** ListObjectVersions answers at most so many (S3 API reference). */
const PAGE = 1_000;
/** Of one key, that its siblings follow in the listing: most keys have few versions. */
const FIRST_PAGE_OF_KEY = 100;

/** A version or delete marker. */
export interface Entry {
  readonly versionId: string;
  /** In bytes; 0 for a marker. */
  readonly size: number;
  /** Milliseconds; S3 tells whole seconds. */
  readonly modified: number;
  readonly latest: boolean;
  readonly etag?: string;
}

/** One page. Both lists hold entries by key, newest first. */
export interface Page {
  readonly versions: ReadonlyMap<string, readonly Entry[]>;
  readonly markers: ReadonlyMap<string, readonly Entry[]>;
  /** Key that goes on, or may go on, on the next page. */
  readonly last?: string;
}

export interface Listing {
  readonly s3: S3Client;
  readonly signal: AbortSignal;
  /** Called for each page that was answered. */
  readonly onPage: () => void;
}

/**
 * All versions and markers whose key begins with `prefix`, page by page, the next one asked for while one is worked on. With `key` only that
 * key's: its siblings share the prefix and come after it.
 * @throws AccessDenied or ResourceMissing that names the bucket; ServiceUnavailable for an answer that is no listing
 */
export async function* listPages(
  listing: Listing,
  target: { readonly bucket: string; readonly prefix: string; readonly key?: string },
): AsyncGenerator<Page> {
  const ask = (from?: Marker) => {
    const asked = askPage(listing, target, from);
    // Awaited a little later; if that is never, its failure is nobody's.
    asked.catch(() => undefined);
    return asked;
  };
  for (let asked: Promise<Answer> | undefined = ask(); asked;) {
    const { page, next }: Answer = await asked;
    listing.onPage();
    const passed: boolean = target.key !== undefined && next !== undefined && next.key !== target.key;
    asked = next && !passed ? ask(next) : undefined;
    yield page;
  }
}

interface Marker {
  readonly key: string;
  readonly versionId: string | undefined;
}

interface Answer {
  readonly page: Page;
  readonly next?: Marker;
}

async function askPage(
  { s3, signal }: Listing,
  { bucket, prefix, key }: { readonly bucket: string; readonly prefix: string; readonly key?: string },
  from: Marker | undefined,
): Promise<Answer> {
  const about = { resource: `bucket ${bucket}`, action: 'list versions', permission: 's3:ListBucketVersions' };
  const command = new ListObjectVersionsCommand({
    Bucket: bucket,
    Prefix: prefix,
    // Both: with the key alone S3 goes on after all of its versions.
    ...(from && { KeyMarker: from.key, VersionIdMarker: from.versionId }),
    MaxKeys: key !== undefined && !from ? FIRST_PAGE_OF_KEY : PAGE,
    EncodingType: 'url',
  });
  keepLineEnds(command);
  const answer = await quietly(about, () => s3.send(command, { abortSignal: signal }));
  return readAnswer(bucket, answer, from);
}

function readAnswer(bucket: string, answer: ListObjectVersionsCommandOutput, from: Marker | undefined): Answer {
  answeredByS3(answer.Name, `bucket ${bucket}`);
  const decode = decoderOf(answer.EncodingType);
  const page = {
    versions: byKey(bucket, answer.Versions ?? [], decode),
    markers: byKey(bucket, answer.DeleteMarkers ?? [], decode),
  };
  if (!answer.IsTruncated) return { page };
  const { NextKeyMarker, NextVersionIdMarker } = answer;
  if (NextKeyMarker === undefined) throw unreadable(bucket, 'it is cut off and does not say where it goes on');
  const next = { key: decode(NextKeyMarker), versionId: NextVersionIdMarker };
  if (from && next.key === from.key && next.versionId === from.versionId)
    throw unreadable(bucket, 'it goes on where it began');
  return { page: { ...page, last: next.key }, next };
}

interface Listed {
  readonly Key?: string | undefined;
  readonly VersionId?: string | undefined;
  readonly Size?: number | undefined;
  readonly ETag?: string | undefined;
  readonly IsLatest?: boolean | undefined;
  readonly LastModified?: Date | undefined;
}

function byKey(
  bucket: string,
  listed: readonly Listed[],
  decode: (text: string) => string,
): ReadonlyMap<string, readonly Entry[]> {
  const found = new Map<string, Entry[]>();
  for (const { Key, VersionId, Size, ETag, IsLatest, LastModified } of listed) {
    if (Key === undefined || LastModified === undefined) throw unreadable(bucket, 'an entry has no key or no time');
    const key = decode(Key);
    const entry: Entry = {
      // Literally: in a bucket that never had versions, too, an object's version is called null.
      versionId: VersionId ?? 'null',
      size: Size ?? 0,
      modified: LastModified.getTime(),
      latest: IsLatest === true,
      ...(ETag !== undefined && { etag: ETag }),
    };
    const entries = found.get(key);
    if (entries) entries.push(entry);
    else found.set(key, [entry]);
  }
  return found;
}

const unreadable = (bucket: string, why: string) =>
  fail(
    'ServiceUnavailable',
    `bucket ${bucket}: a listing of versions can't be read: ${why}. It is tried again; if it lasts, check AWS_ENDPOINT_URL and what lies between`,
  );
