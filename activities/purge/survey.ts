import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import type { PurgeWork, TargetsSeen } from '../../contracts/purge/index.js';
import { lookAtBucket, type BucketSettings } from './buckets.js';
import { copiesOf, isObject, readObjects, readTargets, type Target } from './targets.js';

/** A target with its declared copies, and itself first among them. */
interface Placed {
  readonly target: Target;
  readonly places: readonly Target[];
}

/** A list of at most so many targets is kept when it was read. */
const KEPT = 1_000;

/** What is known of a list of targets before anything is listed. */
export interface Survey extends Omit<TargetsSeen, 'buckets'> {
  readonly buckets: readonly BucketSettings[];
  /** By bucket. */
  readonly settings: ReadonlyMap<string, BucketSettings>;
  /** By bucket: what the keys of its single-object targets have in common at their beginning. */
  readonly common: ReadonlyMap<string, string>;
  /** All of a short list; a long one is read anew each time. */
  readonly placed: readonly Placed[] | undefined;
}

/** Reads the list once, and looks at the settings of every bucket it concerns. */
export async function survey(s3: S3Client, { storage, targetsUri }: PurgeWork, signal: AbortSignal): Promise<Survey> {
  const hash = createHash('sha256');
  const counts = { objects: 0, prefixes: 0, values: 0 };
  const names = new Set<string>();
  const common = new Map<string, string>();
  const placed: Placed[] = [];
  for await (const line of readTargets(s3, targetsUri)) {
    signal.throwIfAborted();
    hash.update(`${JSON.stringify(line)}\n`);
    if ('value' in line) {
      counts.values += 1;
      continue;
    }
    counts[isObject(line) ? 'objects' : 'prefixes'] += 1;
    const places = [line, ...copiesOf(line, storage)];
    if (placed.length <= KEPT) placed.push({ target: line, places });
    for (const target of places) {
      names.add(target.bucket);
      if (isObject(target)) common.set(target.bucket, shared(common.get(target.bucket) ?? target.key, target.key));
    }
  }
  const buckets = await Promise.all([...names].sort().map((bucket) => lookAtBucket(s3, bucket, signal)));
  const settings = new Map(buckets.map((one) => [one.bucket, one]));
  return {
    ...counts,
    buckets,
    hash: hash.digest('hex'),
    settings,
    common,
    placed: placed.length <= KEPT ? placed : undefined,
  };
}

/** The targets of a list, each with its declared copies; of one that was surveyed without another read where it is short. */
export async function* placesOf(
  s3: S3Client,
  { storage, targetsUri }: Pick<PurgeWork, 'storage' | 'targetsUri'>,
  surveyed?: Pick<Survey, 'placed'>,
): AsyncGenerator<Placed> {
  if (surveyed?.placed) return yield* surveyed.placed;
  for await (const target of readObjects(s3, targetsUri))
    yield { target, places: [target, ...copiesOf(target, storage)] };
}

/** The beginning that two keys share, whole characters only. */
function shared(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  const text = a.slice(0, length);
  return text.isWellFormed() ? text : text.slice(0, -1);
}
