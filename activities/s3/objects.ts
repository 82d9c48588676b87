import type { S3Client } from '@aws-sdk/client-s3';
import { GetObjectCommand, paginateListObjectsV2, PutObjectCommand, S3ServiceException } from '@aws-sdk/client-s3';
import { s3Uri } from '../../contracts/names.js';
import { fail, toFailure, withFailures } from '../errors.js';

/** An object's text with the ETag that a conditional write needs. */
export interface StoredText {
  readonly body: string;
  readonly etag: string;
}

/** What to write. `kmsKey` asks for SSE-KMS with that key; without it the bucket's default encryption holds. */
export interface NewObject {
  readonly bucket: string;
  readonly key: string;
  readonly body: string;
  readonly contentType?: string;
  readonly kmsKey?: string;
}

const isService = (error: unknown): error is S3ServiceException => error instanceof S3ServiceException;
const status = (error: unknown) => (isService(error) ? error.$metadata.httpStatusCode : undefined);

/**
 * Passes on what only S3 itself could have answered. Something on the way there (a captive proxy, a gateway that starts) may answer in its
 * place, with a page and a good status, in which the client finds nothing and no fault. `token` is a member that S3 never leaves out.
 * @throws ServiceUnavailable, which is retried
 */
export function answeredByS3(token: string | undefined, resource: string): void {
  if (token !== undefined && token !== '') return;
  throw fail(
    'ServiceUnavailable',
    `${resource}: the answer is none of S3's, so nothing is known about it. It is tried again; if it lasts, check AWS_ENDPOINT_URL and what lies between`,
  );
}

/** Names under a folder, without it. */
export async function namesIn(s3: S3Client, bucket: string, folder: string): Promise<string[]> {
  const about = { resource: s3Uri(bucket, folder), action: 'list', permission: 's3:ListBucket' };
  return withFailures(about, async () => {
    const names: string[] = [];
    for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: folder })) {
      answeredByS3(page.Name, about.resource);
      names.push(...(page.Contents ?? []).map(({ Key = '' }) => Key.slice(folder.length)));
    }
    return names;
  });
}

/** Reads a record object; undefined where there is none. Fails typed on everything else, a missing bucket included. */
export async function readText(s3: S3Client, bucket: string, key: string): Promise<StoredText | undefined> {
  try {
    const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    answeredByS3(object.ETag, s3Uri(bucket, key));
    return { body: (await object.Body?.transformToString()) ?? '', etag: object.ETag ?? '' };
  } catch (error) {
    if (isService(error) && error.name === 'NoSuchKey') return undefined;
    throw toFailure(error, { resource: s3Uri(bucket, key), action: 'read', permission: 's3:GetObject' });
  }
}

/**
 * Writes an object that must not exist yet (If-None-Match: *). Answers undefined if it was written or the same text is there already,
 * which is what a retry finds; otherwise the other text, for the caller to judge.
 */
export async function writeOnce(s3: S3Client, object: NewObject): Promise<string | undefined> {
  if (await writeIf(s3, object, undefined)) return undefined;
  const stored = await readText(s3, object.bucket, object.key);
  if (!stored) {
    throw fail('ServiceUnavailable', `${s3Uri(object.bucket, object.key)} vanished while it was written; trying again`);
  }
  return stored.body === object.body ? undefined : stored.body;
}

/** Writes an object if its ETag still is `etag`, or, without one, if it doesn't exist. Answers whether it did. */
export async function writeIf(s3: S3Client, object: NewObject, etag: string | undefined): Promise<boolean> {
  try {
    const { ETag } = await s3.send(
      new PutObjectCommand({
        Bucket: object.bucket,
        Key: object.key,
        Body: object.body,
        ContentType: object.contentType ?? 'application/json',
        ...(etag === undefined ? { IfNoneMatch: '*' } : { IfMatch: etag }),
        ...(object.kmsKey && { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: object.kmsKey }),
      }),
    );
    answeredByS3(ETag, s3Uri(object.bucket, object.key));
    return true;
  } catch (error) {
    // 412: the condition is false. 409: another conditional write was under way (S3 user guide, conditional writes).
    // 404 with If-Match: the object was deleted meanwhile.
    if (status(error) === 412 || status(error) === 409) return false;
    if (etag !== undefined && isService(error) && error.name === 'NoSuchKey') return false;
    throw toFailure(error, {
      resource: s3Uri(object.bucket, object.key),
      action: 'write',
      permission: object.kmsKey ? 's3:PutObject and kms:GenerateDataKey' : 's3:PutObject',
    });
  }
}
