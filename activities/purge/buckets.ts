import {
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetObjectLegalHoldCommand,
  GetObjectRetentionCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { TargetsSeen } from '../../contracts/purge/index.js';
import { isFailure } from '../errors.js';
import { answeredByS3 } from '../s3/objects.js';
import { quietly } from './failures.js';
import type { Reason } from './blocks.js';

/** Settings of a bucket that decide on how its objects can be erased. */
export type BucketSettings = Omit<LockSettings, 'objectLock'>;
export type LockSettings = TargetsSeen['buckets'][number];

const STATES = { Enabled: 'enabled', Suspended: 'suspended' } as const;

/** @throws AccessDenied or ResourceMissing that names bucket and permission */
export async function lookAtBucket(s3: S3Client, bucket: string, signal: AbortSignal): Promise<BucketSettings> {
  const about = {
    resource: `bucket ${bucket}`,
    action: 'read its versioning',
    permission: 's3:GetBucketVersioning',
    missing: 'Correct its name in the list of targets, or among the copies of the storage file',
  };
  const answer = await quietly(about, () =>
    s3.send(new GetBucketVersioningCommand({ Bucket: bucket }), { abortSignal: signal }),
  );
  answeredByS3(answer.$metadata.requestId, about.resource);
  return {
    bucket,
    versioning: answer.Status === undefined ? 'unversioned' : STATES[answer.Status],
    mfaDelete: answer.MFADelete === 'Enabled',
  };
}

/** The same settings, and whether the bucket has Object Lock: a call each. */
export function withLocks(
  s3: S3Client,
  buckets: readonly BucketSettings[],
  signal: AbortSignal,
): Promise<LockSettings[]> {
  return Promise.all(
    buckets.map(async (one) => ({ ...one, objectLock: (await lockOf(s3, one.bucket, signal)) !== undefined })),
  );
}

export interface BucketLock {
  /** Of new objects, where the bucket has a default. */
  readonly mode?: string;
  readonly days?: number;
}

/** The bucket's Object Lock configuration; undefined where it has none. */
export async function lockOf(s3: S3Client, bucket: string, signal: AbortSignal): Promise<BucketLock | undefined> {
  try {
    const { ObjectLockConfiguration: lock } = await s3.send(new GetObjectLockConfigurationCommand({ Bucket: bucket }), {
      abortSignal: signal,
    });
    if (lock?.ObjectLockEnabled !== 'Enabled') return undefined;
    const { Mode, Days, Years } = lock.Rule?.DefaultRetention ?? {};
    return { ...(Mode && { mode: Mode }), ...(Days && { days: Days }), ...(Years && { days: Years * 365 }) };
  } catch (error) {
    if (error instanceof Error && error.name === 'ObjectLockConfigurationNotFoundError') return undefined;
    return quietly(
      {
        resource: `bucket ${bucket}`,
        action: 'read its Object Lock',
        permission: 's3:GetBucketObjectLockConfiguration',
      },
      () => Promise.reject(error as Error),
    );
  }
}

/** What keeps a version that S3 would not delete, or undefined if no lock does: by its retention, then its legal hold. */
export async function protectionOf(
  s3: S3Client,
  version: { readonly bucket: string; readonly key: string; readonly versionId: string },
  signal: AbortSignal,
): Promise<Reason | undefined> {
  const { bucket, key, versionId } = version;
  const input = { Bucket: bucket, Key: key, VersionId: versionId };
  const options = { abortSignal: signal };
  const retention = await known(bucket, () => s3.send(new GetObjectRetentionCommand(input), options));
  const until = retention?.Retention?.RetainUntilDate?.getTime();
  if (until !== undefined && until > Date.now())
    return { by: 'object lock', until, detail: retention?.Retention?.Mode ?? '' };
  const hold = await known(bucket, () => s3.send(new GetObjectLegalHoldCommand(input), options));
  return hold?.LegalHold?.Status === 'ON' ? { by: 'legal hold' } : undefined;
}

/** What S3 knows of a lock: nothing where there is none (400 or 404), or where the worker may not ask. */
async function known<T>(bucket: string, call: () => Promise<T>): Promise<T | undefined> {
  const about = {
    resource: `bucket ${bucket}`,
    action: 'read the lock of a version',
    permission: 's3:GetObjectRetention',
  };
  try {
    return await quietly(about, call);
  } catch (error) {
    if (isFailure(error, 'InvalidRequest', 'ResourceMissing', 'AccessDenied')) return undefined;
    throw error;
  }
}
