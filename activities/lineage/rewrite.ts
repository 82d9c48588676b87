import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { parseS3Uri, s3Uri } from '../../contracts/names.js';
import { fail, isFailure, withFailures } from '../errors.js';
import { answeredByS3, writeIf } from '../s3/objects.js';

/** How often an object is read again that something else wrote meanwhile: another purge. */
const TURNS = 10;

/**
 * Rewrites an object's JSON, on the condition that nothing else does, with the encryption that it has. Answers whether it did: `change` answers
 * undefined where nothing is to change. One that is gone needs nothing.
 */
export async function rewriteJson<T>(s3: S3Client, uri: string, change: (value: T) => T | undefined): Promise<boolean> {
  const { bucket, key } = parseS3Uri(uri);
  for (let turn = 0; turn < TURNS; turn += 1) {
    const stored = await read(s3, bucket, key);
    const value = stored && change(parsed<T>(stored.body, uri));
    if (!stored || value === undefined) return false;
    const { etag, kmsKey } = stored;
    const body = JSON.stringify(value);
    if (await writeIf(s3, { bucket, key, body, ...(kmsKey !== undefined && { kmsKey }) }, etag)) return true;
  }
  throw fail('ServiceUnavailable', `${uri} kept changing while it was rewritten; trying again`);
}

/** Whether rewriteJson would change the object. Changes nothing. */
export async function wouldRewriteJson<T>(
  s3: S3Client,
  uri: string,
  change: (value: T) => T | undefined,
): Promise<boolean> {
  const { bucket, key } = parseS3Uri(uri);
  const stored = await read(s3, bucket, key);
  return stored !== undefined && change(parsed<T>(stored.body, uri)) !== undefined;
}

/** Keys under a prefix. */
export async function keysUnder(s3: S3Client, bucket: string, prefix: string): Promise<string[]> {
  const about = { resource: s3Uri(bucket, prefix), action: 'list', permission: 's3:ListBucket' };
  return withFailures(about, async () => {
    const found: string[] = [];
    const pages = paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix, EncodingType: 'url' });
    for await (const page of pages) {
      answeredByS3(page.Name, about.resource);
      const decode = (key: string) =>
        page.EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key;
      found.push(...(page.Contents ?? []).map(({ Key = '' }) => decode(Key)));
    }
    return found;
  });
}

interface Stored {
  readonly body: string;
  readonly etag: string;
  readonly kmsKey?: string;
}

async function read(s3: S3Client, bucket: string, key: string): Promise<Stored | undefined> {
  const about = { resource: s3Uri(bucket, key), action: 'read', permission: 's3:GetObject' };
  try {
    return await withFailures(about, async () => {
      const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      answeredByS3(object.ETag, about.resource);
      return {
        body: (await object.Body?.transformToString()) ?? '',
        etag: object.ETag ?? '',
        ...(object.ServerSideEncryption === 'aws:kms' && object.SSEKMSKeyId && { kmsKey: object.SSEKMSKeyId }),
      };
    });
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return undefined;
    throw error;
  }
}

function parsed<T>(body: string, uri: string): T {
  try {
    return JSON.parse(body) as T;
  } catch (cause) {
    // The cause's words would quote what stands there.
    if (!(cause instanceof SyntaxError)) throw cause;
    throw fail('DataInvalid', `${uri} is not JSON: restore the record that Perennial wrote, or remove it`);
  }
}
