import type { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, S3ServiceException, type S3Client } from '@aws-sdk/client-s3';
import { quietFailure } from '../purge/failures.js';
import { answeredByS3 } from '../s3/objects.js';
import { Conflicted } from './conflicts.js';
import type { ObjectState } from './stamp.js';

export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
}

const about = (bucket: string, action: string, permission = 's3:GetObject and s3:ListBucket') => ({
  resource: `an object of s3://${bucket}`,
  action,
  permission,
});

const statusOf = (error: unknown) => (error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined);

/** What HEAD says of an object; undefined if there is none (which takes s3:ListBucket: without it S3 answers 403). */
export async function head(
  s3: S3Client,
  { bucket, key }: ObjectName,
  abortSignal?: AbortSignal,
): Promise<ObjectState | undefined> {
  try {
    const answer = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }), { abortSignal });
    answeredByS3(answer.ETag, `an object of s3://${bucket}`);
    const { ETag: etag = '', ContentLength: size = 0, LastModified: lastModified = new Date(0) } = answer;
    return { etag, size, lastModified };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw quietFailure(error, about(bucket, 'look at'));
  }
}

/**
 * Whether S3 itself says that the object is gone. A 404 to HEAD has no words: a bucket that is gone, or something on the way to S3, answers
 * the same.
 */
export async function isGone(s3: S3Client, { bucket, key }: ObjectName, abortSignal?: AbortSignal): Promise<boolean> {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: 'bytes=0-0' }), {
      abortSignal,
    });
    (Body as Readable | undefined)?.destroy();
    return false;
  } catch (error) {
    if (error instanceof S3ServiceException && error.name === 'NoSuchKey') return true;
    // Nothing to give of an object without content: it is there.
    if (statusOf(error) === 416) return false;
    throw quietFailure(error, about(bucket, 'look at'));
  }
}

/** The content of the object that HEAD told of; undefined if it is another by now, or gone. */
export async function content(
  s3: S3Client,
  { bucket, key }: ObjectName,
  { etag, size }: ObjectState,
  abortSignal?: AbortSignal,
): Promise<Readable | undefined> {
  try {
    const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }), { abortSignal });
    const body = answer.Body as Readable | undefined;
    if (body && answer.ETag === etag && answer.ContentLength === size) return body;
    body?.destroy();
    return undefined;
  } catch (error) {
    const status = statusOf(error);
    if (status === 412 || (error instanceof S3ServiceException && error.name === 'NoSuchKey')) return undefined;
    // Restored by hand first (S3 user guide, archived objects).
    if (error instanceof S3ServiceException && error.name === 'InvalidObjectState')
      throw new Conflicted('archived object');
    throw quietFailure(error, about(bucket, 'copy', 's3:GetObject and kms:Decrypt'));
  }
}
