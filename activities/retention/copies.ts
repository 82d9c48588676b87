import { CopyObjectCommand, GetObjectCommand, HeadObjectCommand, NotFound, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { Readable } from 'node:stream';
import { isFailure } from '../errors.js';
import { quietly } from '../purge/failures.js';
import { propertiesOf } from '../rows/rewrite.js';

/** S3 copies no larger object by itself (API reference, CopyObject). */
const MOST_COPIED = 5 * 1024 ** 3;
/** S3 takes 10,000 parts of an upload. */
const MOST_PARTS = 9_000;
const LEAST_PART = 64 * 1024 * 1024;

/**
 * Copies the current version of an object within its bucket, with its encryption, type, metadata and tags. Answers its size in bytes;
 * undefined if the object is gone, or is another by the time.
 */
export async function copyWithin(
  s3: S3Client,
  { bucket, from, to }: { readonly bucket: string; readonly from: string; readonly to: string },
): Promise<number | undefined> {
  const about = {
    resource: `an object of bucket ${bucket}`,
    action: 'copy',
    permission: 's3:GetObject, s3:GetObjectTagging, s3:PutObject, s3:PutObjectTagging and the use of its KMS key',
  };
  try {
    return await quietly(about, async () => {
      const etag = await etagOf(s3, bucket, from);
      if (etag === undefined) return undefined;
      const { size, properties } = await propertiesOf(s3, { bucket, key: from, version: { etag } });
      const { Tagging, Metadata, ...others } = properties;
      if (size <= MOST_COPIED) {
        const CopySource = `${bucket}/${encodeURIComponent(from)}`;
        await s3.send(
          new CopyObjectCommand({
            Bucket: bucket,
            Key: to,
            CopySource,
            CopySourceIfMatch: etag,
            ServerSideEncryption: others.ServerSideEncryption,
            SSEKMSKeyId: others.SSEKMSKeyId,
            BucketKeyEnabled: others.BucketKeyEnabled,
            StorageClass: others.StorageClass,
          }),
        );
        return size;
      }
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: from, IfMatch: etag }));
      const params = { Bucket: bucket, Key: to, Body: Body as Readable, Tagging, Metadata, ...others };
      const partSize = Math.max(LEAST_PART, Math.ceil(size / MOST_PARTS));
      await new Upload({ client: s3, params, queueSize: 1, partSize }).done();
      return size;
    });
  } catch (error) {
    if (isFailure(error, 'ResourceMissing', 'RecordConflict')) return undefined;
    throw error;
  }
}

/** ETag of the current version; undefined where there is none. */
export async function etagOf(s3: S3Client, Bucket: string, Key: string): Promise<string | undefined> {
  try {
    return (await s3.send(new HeadObjectCommand({ Bucket, Key }))).ETag;
  } catch (error) {
    if (error instanceof NotFound) return undefined;
    throw error;
  }
}
