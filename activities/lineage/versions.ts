import { DeleteObjectCommand, ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import pLimit from 'p-limit';
import { s3Uri } from '../../contracts/names.js';
import { fail } from '../errors.js';
import { quietly } from '../purge/failures.js';
import { answeredByS3 } from '../s3/objects.js';

/** Versions deleted at the same time. */
const AT_ONCE = 8;
/** Listings until one shows nothing more. */
const ROUNDS = 20;

/** A version or delete marker. */
export interface Version {
  readonly key: string;
  readonly versionId: string;
  readonly latest: boolean;
}

/**
 * Erases the wanted versions and markers under a prefix, one by one, and answers how many there were. Lists again from the start until none
 * is left: what is deleted while a listing goes on may hide what follows. Failures name the prefix alone.
 */
export async function eraseVersions(
  s3: S3Client,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
  isWanted: (version: Version) => boolean,
): Promise<number> {
  const resource = s3Uri(bucket, prefix);
  let erased = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const wanted: Version[] = [];
    for await (const version of versionsUnder(s3, bucket, prefix)) if (isWanted(version)) wanted.push(version);
    if (wanted.length === 0) return erased;
    await pLimit(AT_ONCE).map(wanted, async ({ key, versionId }) => {
      heartbeat();
      await quietly({ resource, action: 'delete', permission: 's3:DeleteObjectVersion' }, () =>
        s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId })),
      );
    });
    erased += wanted.length;
  }
  throw fail(
    'ServiceUnavailable',
    `${resource}: old versions are still listed although they were deleted ${ROUNDS} times. It is tried again; if it lasts, look at the bucket's replication and rules`,
  );
}

/** How many versions and markers under a prefix are wanted. */
export async function countVersions(
  s3: S3Client,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
  isWanted: (version: Version) => boolean,
): Promise<number> {
  let count = 0;
  for await (const version of versionsUnder(s3, bucket, prefix)) if (isWanted(version)) count += 1;
  return count;
}

async function* versionsUnder(s3: S3Client, bucket: string, prefix: string): AsyncGenerator<Version> {
  const resource = s3Uri(bucket, prefix);
  let KeyMarker: string | undefined;
  let VersionIdMarker: string | undefined;
  for (let more = true; more;) {
    const request = { Bucket: bucket, Prefix: prefix, EncodingType: 'url', KeyMarker, VersionIdMarker } as const;
    const page = await quietly({ resource, action: 'list', permission: 's3:ListBucketVersions' }, () =>
      s3.send(new ListObjectVersionsCommand(request)),
    );
    answeredByS3(page.Name, resource);
    const decode = (key: string) => (page.EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key);
    for (const { Key = '', VersionId = 'null', IsLatest } of [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])])
      yield { key: decode(Key), versionId: VersionId, latest: IsLatest === true };
    more = page.IsTruncated === true;
    KeyMarker = page.NextKeyMarker && decode(page.NextKeyMarker);
    VersionIdMarker = page.NextVersionIdMarker;
  }
}
