import { pipeline } from 'node:stream/promises';
import { Writable, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { cancellationSignal } from '@temporalio/activity';
import { isFailure } from '../errors.js';
import type { Folder } from '../mounts/folder.js';
import type { Bytes } from '../mounts/image.js';
import { quietFailure, quietly } from '../purge/failures.js';
import { answeredByS3 } from '../s3/objects.js';
import { NotCsv, NotUtf8, RowFilter, type RowCounts } from './filter.js';
import type { RowSearch } from './search.js';
import type { Version } from './versions.js';

export interface ObjectVersion {
  readonly bucket: string;
  readonly key: string;
  readonly version: Pick<Version, 'versionId' | 'etag' | 'latest'>;
}

/** What reading an object came to: rows by whether they match, or why it could not be searched. */
export type Searched =
  | (RowCounts & { readonly state: 'searched'; readonly found: ReadonlySet<string> })
  | { readonly state: 'unreadable'; readonly why: string }
  /** It is gone, or is another by now. */
  | { readonly state: 'changed' };

const reading = (bucket: string) => ({
  resource: `an object of bucket ${bucket}`,
  action: 'read',
  permission: 's3:GetObject and s3:GetObjectVersion',
});

/** Opens exactly this version: the current one by its ETag, as an unversioned bucket has no other name for it. */
export async function openVersion(s3: S3Client, { bucket, key, version }: ObjectVersion): Promise<Readable> {
  const which = version.latest ? { IfMatch: version.etag } : { VersionId: version.versionId };
  const answer = await quietly(reading(bucket), () =>
    s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, ...which }), { abortSignal: cancellationSignal() }),
  );
  answeredByS3(answer.ETag, `an object of bucket ${bucket}`);
  return answer.Body as Readable;
}

const GZIP = Buffer.from([0x1f, 0x8b]);

/** Whether bytes are compressed is told by the first of them: names and headers of S3 objects often say nothing of it. */
export async function peeked(body: Readable): Promise<{ gzip: boolean; bytes: AsyncIterable<Buffer> }> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head = Buffer.alloc(0);
  while (head.length < GZIP.length) {
    const { value, done } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  async function* all() {
    try {
      yield head;
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
    } finally {
      body.destroy();
    }
  }
  return { gzip: head.subarray(0, GZIP.length).equals(GZIP), bytes: all() };
}

/** Reads a version to its end and counts its rows; in memory are a chunk and a row. */
export async function searchVersion(s3: S3Client, object: ObjectVersion, search: RowSearch): Promise<Searched> {
  try {
    return await searchBytes(await openVersion(s3, object), search);
  } catch (error) {
    return unreadable(error, object.bucket);
  }
}

/** Reads a file of a mount to its end and counts its rows. Failures of the file system are thrown. */
export async function searchFile(folder: Folder, name: Bytes, search: RowSearch): Promise<Searched> {
  const file = await folder.read(name);
  if (!file) {
    const there = await folder.look(name);
    return there ? { state: 'unreadable', why: 'it is no file' } : { state: 'changed' };
  }
  try {
    return await searchBytes(file.createReadStream(), search);
  } catch (error) {
    const why = noCsv(error);
    if (why === undefined) throw error;
    return { state: 'unreadable', why };
  }
}

async function searchBytes(body: Readable, search: RowSearch): Promise<Searched> {
  const found = new Set<string>();
  const filter = new RowFilter(search.column, (value) => search.matches(value, found));
  const { gzip, bytes } = await peeked(body);
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => {
      search.alive();
      done();
    },
  });
  if (gzip) await pipeline(bytes, createGunzip(), filter, nowhere);
  else await pipeline(bytes, filter, nowhere);
  return { state: 'searched', ...filter.counts, found };
}

/** Why bytes could not be searched, where it is they that are wrong. */
function noCsv(error: unknown): string | undefined {
  if (error instanceof NotUtf8) return error.message;
  if (error instanceof NotCsv) return `${error.message}, so it is no CSV`;
  return /^Z_/.test((error as { code?: string }).code ?? '') ? 'its gzip is damaged' : undefined;
}

/** What an error of reading means; what is not about this one object is thrown. */
function unreadable(error: unknown, bucket: string): Extract<Searched, { state: 'unreadable' | 'changed' }> {
  const why = noCsv(error);
  if (why !== undefined) return { state: 'unreadable', why };
  const failure = quietFailure(error, reading(bucket));
  if (isFailure(failure, 'RecordConflict', 'ResourceMissing')) return { state: 'changed' };
  if (isFailure(failure, 'AccessDenied', 'InvalidRequest', 'KeyUnusable')) {
    return { state: 'unreadable', why: failure.message.replace(/^.*?failed: /, '') };
  }
  throw failure;
}
