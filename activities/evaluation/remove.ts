import { DeleteObjectsCommand, ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3';
import { s3Uri } from '../../contracts/names.js';
import { fail, withFailures } from '../errors.js';
import { answeredByS3 } from '../s3/objects.js';

/** DeleteObjects takes so many at once (S3 API reference). */
const AT_ONCE = 1_000;

/**
 * Removes every version and delete marker under a prefix: predictions are data, and would live on as old versions. Answers how many there
 * were. Fails with the first error that S3 gives for one of them.
 */
export async function emptyPrefix(s3: S3Client, bucket: string, prefix: string): Promise<number> {
  const resource = s3Uri(bucket, prefix);
  let removed = 0;
  for (;;) {
    // Always the first page: what was on the one before is gone.
    const page = await withFailures({ resource, action: 'list', permission: 's3:ListBucketVersions' }, () =>
      s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, MaxKeys: AT_ONCE })),
    );
    answeredByS3(page.Name, resource);
    const found = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
    if (found.length === 0) return removed;
    const Objects = found.map(({ Key, VersionId }) => ({ Key, VersionId }));
    const { Errors = [] } = await withFailures(
      { resource, action: 'delete', permission: 's3:DeleteObjectVersion' },
      () => s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } })),
    );
    const [first] = Errors;
    if (first) {
      throw fail(
        first.Code === 'AccessDenied' ? 'AccessDenied' : 'ServiceUnavailable',
        `${resource}: ${Errors.length} of ${found.length} objects could not be deleted: ${first.Code}. Allow s3:DeleteObjectVersion on it to the worker's role`,
      );
    }
    removed += found.length;
  }
}
