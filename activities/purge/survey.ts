import type { S3Client } from '@aws-sdk/client-s3';
import type { PurgeWork } from '../../contracts/purge/index.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { lookAtBucket, type BucketSettings } from './buckets.js';
import { TargetList } from './target-list.js';

/** What is known of a list of targets before anything is listed. */
export interface Survey {
  readonly list: TargetList;
  readonly buckets: readonly BucketSettings[];
  /** By bucket. */
  readonly settings: ReadonlyMap<string, BucketSettings>;
}

/** Reads the list once, and looks at the settings of every bucket it concerns. */
export async function survey(
  s3: S3Client,
  work: PurgeWork,
  hashes: () => Promise<KeyedHashes>,
  signal: AbortSignal,
): Promise<Survey> {
  const list = await TargetList.read(s3, work, hashes, () => signal.throwIfAborted());
  const buckets = await Promise.all([...list.buckets].sort().map((bucket) => lookAtBucket(s3, bucket, signal)));
  return { list, buckets, settings: new Map(buckets.map((one) => [one.bucket, one])) };
}
