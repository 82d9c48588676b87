import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import {
  GetObjectTaggingCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { isFailure } from '../errors.js';
import { quietFailure } from '../purge/failures.js';
import { answeredByS3 } from '../s3/objects.js';
import { openVersion, peeked, type ObjectVersion } from './content.js';
import { RowFilter } from './filter.js';
import type { Version } from './versions.js';
import type { RowSearch } from './search.js';

const PART_BYTES = 8 * 1024 * 1024;
/** S3 takes 10,000 parts; some are kept for a rewritten object that gzip makes larger. */
const MOST_PARTS = 9_000;

/** What a rewrite came to: the new object's ETag, or that the object was another by the time. */
export type Rewritten = { readonly etag: string } | 'changed';

/**
 * Writes the current version anew without the rows, in the place and the encryption it had, if nobody uploaded another meanwhile. In memory is
 * one part of the upload.
 */
export async function rewriteObject(s3: S3Client, object: ObjectVersion, search: RowSearch): Promise<Rewritten> {
  const { bucket, key, version } = object;
  try {
    const like = await propertiesOf(s3, object);
    const { gzip, bytes } = await peeked(await openVersion(s3, object));
    const filter = new RowFilter(search.column, (value) => search.matches(value, new Set()));
    const body = new PassThrough();
    const upload = new Upload({
      client: s3,
      params: { Bucket: bucket, Key: key, Body: body, IfMatch: version.etag, ...like.properties },
      queueSize: 1,
      partSize: Math.max(PART_BYTES, Math.ceil(like.size / MOST_PARTS)),
    });
    upload.on('httpUploadProgress', () => search.alive());
    const filtering = gzip
      ? pipeline(bytes, createGunzip(), filter, createGzip(), body)
      : pipeline(bytes, filter, body);
    const [filtered, uploaded] = await Promise.allSettled([
      filtering.catch(async (error: unknown) => {
        await upload.abort();
        throw error;
      }),
      upload.done(),
    ]);
    if (filtered.status === 'rejected') throw filtered.reason;
    if (uploaded.status === 'rejected') throw uploaded.reason;
    const { ETag } = uploaded.value;
    answeredByS3(ETag, `an object of bucket ${bucket}`);
    return { etag: ETag as string };
  } catch (error) {
    return changedOrThrown(error, bucket);
  }
}

/** Names of what S3 says when the object is no longer the one that was read, or another conditional write is under way (S3 user guide, conditional writes). */
const OTHER_BY_NOW = ['PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchKey'];

function changedOrThrown(error: unknown, bucket: string): 'changed' {
  if (OTHER_BY_NOW.includes((error as Error).name)) return 'changed';
  const permission = 's3:GetObject, s3:GetObjectTagging, s3:PutObject, s3:PutObjectTagging and kms:GenerateDataKey';
  const failure = quietFailure(error, { resource: `an object of bucket ${bucket}`, action: 'write', permission });
  if (isFailure(failure, 'RecordConflict', 'ResourceMissing')) return 'changed';
  throw failure;
}

/** What a new object takes over from the one it is made of: encryption, type, metadata, tags. */
export async function propertiesOf(
  s3: S3Client,
  { bucket, key, version }: { bucket: string; key: string; version: Pick<Version, 'etag'> },
) {
  const about = { Bucket: bucket, Key: key };
  const head = await s3.send(new HeadObjectCommand({ ...about, IfMatch: version.etag }));
  const { TagSet = [] } = await s3.send(new GetObjectTaggingCommand(about));
  const tags = new URLSearchParams(TagSet.map(({ Key = '', Value = '' }): [string, string] => [Key, Value])).toString();
  return { size: head.ContentLength ?? 0, properties: { ...taken(head), ...(tags !== '' && { Tagging: tags }) } };
}

const taken = (head: HeadObjectCommandOutput): Partial<PutObjectCommandInput> => ({
  ContentType: head.ContentType,
  ContentEncoding: head.ContentEncoding,
  ContentLanguage: head.ContentLanguage,
  ContentDisposition: head.ContentDisposition,
  CacheControl: head.CacheControl,
  WebsiteRedirectLocation: head.WebsiteRedirectLocation,
  Metadata: head.Metadata,
  StorageClass: head.StorageClass,
  ServerSideEncryption: head.ServerSideEncryption,
  SSEKMSKeyId: head.SSEKMSKeyId,
  BucketKeyEnabled: head.BucketKeyEnabled,
});
