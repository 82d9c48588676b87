import { setMaxListeners } from 'node:events';
import { Context } from '@temporalio/activity';
import type { S3Client } from '@aws-sdk/client-s3';
import type { ErasureActivities } from '../../contracts/purge/index.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { withLocks } from './buckets.js';
import { Erasure, type EraseLimits } from './erase.js';
import { throwIfCancelled } from './failures.js';
import { eraseObject } from './forget.js';
import { planObjects } from './plan.js';
import { survey } from './survey.js';
import { beating, Tally } from './tally.js';
import { Verification } from './verify.js';

export interface ErasureDependencies {
  readonly s3: S3Client;
  /** Hashes that stand for keys. */
  readonly hashes: () => Promise<KeyedHashes>;
  /** A leg of about ten minutes, and five without any progress, unless given. */
  readonly limits?: EraseLimits;
}

const LIMITS: EraseLimits = { leg: 600_000, patience: 300_000 };

/**
 * Erases S3 objects in all their versions, and proves it by a new listing. Each activity is safe to repeat: what is gone stays gone. No key,
 * prefix or value is in an answer, a heartbeat or a failure.
 */
export function createErasureActivities({ s3, hashes, limits = LIMITS }: ErasureDependencies): ErasureActivities {
  return {
    inspectTargets: (work) =>
      activity(async () => {
        const { list, buckets } = await survey(s3, work, hashes, cancellation());
        const hash = list.keyedHash(await hashes());
        const { counts, values } = list;
        return { ...counts, values: values.size, buckets: await withLocks(s3, buckets, cancellation()), hash };
      }),
    planObjects: (work) => activity((tally) => planObjects(s3, work, tally, hashes)),
    eraseObjects: (work) => activity(async (tally) => Erasure.run(s3, work, { tally, hashes: await hashes(), limits })),
    verifyObjects: (work) => activity(async (tally) => Verification.run(s3, work, tally, await hashes())),
    forgetTargets: ({ targetsUri }) => activity(() => eraseObject(s3, targetsUri, limits.patience)),
  };
}

const cancellation = () => Context.current().cancellationSignal;

/** Runs with heartbeats; a call that was aborted because the activity was cancelled ends it as cancelled. */
async function activity<T>(work: (tally: Tally) => Promise<T>): Promise<T> {
  const tally = new Tally();
  // Each call under way listens to it.
  setMaxListeners(0, cancellation());
  try {
    return await beating(tally, () => work(tally));
  } catch (error) {
    await throwIfCancelled();
    throw error;
  }
}
