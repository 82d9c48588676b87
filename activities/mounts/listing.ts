import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import type { Mirror } from '../../contracts/storage/index.js';
import { RECORDS_PREFIX } from '../../contracts/storage/index.js';
import { fail } from '../errors.js';
import { quietFailure } from '../purge/failures.js';
import { answeredByS3 } from '../s3/objects.js';
import type { Going } from './copy.js';
import { bytesOf, type Bytes } from './image.js';
import type { ObjectState } from './stamp.js';

/** An object of a mirror's prefix. */
export interface Listed {
  readonly key: string;
  /** The key below the prefix. */
  readonly path: Bytes;
  readonly state: ObjectState;
}

/**
 * The objects of a mirror's prefix as S3 lists them: in the order of their UTF-8 bytes, page by page.
 * @throws InvalidRequest where the bucket lists in another order, as directory buckets do
 */
export async function* listMirrored(s3: S3Client, { bucket, prefix }: Mirror, going: Going): AsyncGenerator<Listed> {
  const about = { resource: `s3://${bucket}`, action: 'list', permission: 's3:ListBucket' };
  let last: Bytes | undefined;
  let ContinuationToken: string | undefined;
  do {
    const request = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      EncodingType: 'url',
      ContinuationToken,
    });
    const page = await s3.send(request, { abortSignal: going.signal }).catch((error: unknown) => {
      throw quietFailure(error, about);
    });
    answeredByS3(page.Name, about.resource);
    going.progress?.();
    // URL-encoded, with "+" for a space: XML can't carry all characters of a key.
    const decoded = (key: string) => (page.EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key);
    for (const {
      Key = '',
      ETag: etag = '',
      Size: size = 0,
      LastModified: lastModified = new Date(0),
    } of page.Contents ?? []) {
      const key = decoded(Key);
      const path = bytesOf(key.slice(prefix.length));
      // Stores may name the last object of a page once more on the next.
      if (path === last || key.startsWith(RECORDS_PREFIX)) continue;
      if (last !== undefined && path < last) throw unordered(bucket);
      last = path;
      yield { key, path, state: { etag, size, lastModified } };
    }
    ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (ContinuationToken !== undefined);
}

const unordered = (bucket: string) =>
  fail(
    'InvalidRequest',
    `s3://${bucket} does not list its keys in order, as directory buckets don't: a mirror needs a general purpose bucket`,
  );
