import { DeleteObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { cancellationSignal } from '@temporalio/activity';
import { groupsOf, type Group } from '../purge/groups.js';
import type { Target } from '../purge/targets.js';
import type { BlockedEntries } from './blocked.js';

/** A version of an object, or a delete marker; `versionId` is `null` where the bucket isn't versioned. */
export interface Version {
  readonly versionId: string;
  readonly etag: string;
  readonly size: number;
  /** Milliseconds; S3 tells whole seconds. */
  readonly modified: number;
  readonly latest: boolean;
  readonly marker: boolean;
}

/** Everything that is kept of one key, newest first, markers last. */
export interface Entry {
  readonly bucket: string;
  readonly key: string;
  readonly versions: readonly Version[];
}

/** The keys of a target with all their versions. What Perennial keeps itself is left out. */
export async function* entriesOf(s3: S3Client, target: Target): AsyncGenerator<Entry> {
  const { bucket } = target;
  for await (const group of groups(s3, target)) {
    // Of a key with very many versions parts come, the current one in the last: it is looked at once, and whole.
    if (group.again) continue;
    const entry = { bucket, key: group.key, versions: versionsOf(group) };
    yield entry.versions.some(({ latest }) => latest) ? entry : await entryOf(s3, bucket, group.key);
  }
}

/** What is kept of one key now. */
export async function entryOf(s3: S3Client, bucket: string, key: string): Promise<Entry> {
  const versions: Version[] = [];
  for await (const group of groups(s3, { bucket, key })) versions.push(...versionsOf(group));
  return { bucket, key, versions: versions.sort((a, b) => Number(a.marker) - Number(b.marker)) };
}

const groups = (s3: S3Client, target: Target) =>
  groupsOf({ s3, signal: cancellationSignal(), onPage: () => undefined }, target);

const versionsOf = ({ versions, markers }: Group): Version[] =>
  [
    ...[...versions].reverse().map((one) => ({ ...one, marker: false })),
    ...[...markers].reverse().map((one) => ({ ...one, marker: true })),
  ].map(({ etag = '', ...one }) => ({ ...one, etag }));

/**
 * Erases versions of one key, oldest first and delete markers last, so that none brings an older one back. Answers how many went; what
 * can't go is added to `blocked`.
 */
export async function eraseVersions(
  s3: S3Client,
  { bucket, key }: Entry,
  versions: readonly Version[],
  { bypassGovernance, blocked }: { readonly bypassGovernance: boolean; readonly blocked: BlockedEntries },
): Promise<number> {
  let erased = 0;
  const order = [...versions].reverse().sort((a, b) => Number(a.marker) - Number(b.marker));
  for (const { versionId, etag, latest, marker } of order) {
    try {
      await s3.send(
        new DeleteObjectCommand({
          Bucket: bucket,
          Key: key,
          VersionId: versionId,
          ...(bypassGovernance && { BypassGovernanceRetention: true }),
          // Without versions another upload has the same id: it must not go in this one's place.
          ...(versionId === 'null' && latest && !marker && { IfMatch: etag }),
        }),
      );
      erased += 1;
    } catch (error) {
      await blocked.refused(error, { bucket, look: () => lockOf(s3, bucket, key, versionId) });
    }
  }
  return erased;
}

async function lockOf(s3: S3Client, Bucket: string, Key: string, VersionId: string) {
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key, VersionId }));
  return {
    legalHold: head.ObjectLockLegalHoldStatus === 'ON',
    until: head.ObjectLockRetainUntilDate?.toISOString(),
  };
}
