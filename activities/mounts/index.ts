import type { S3Client } from '@aws-sdk/client-s3';
import type { CopyActivities } from '../../contracts/purge/index.js';
import type { StorageActivities } from '../../contracts/storage/state.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { createCopyActivities } from './erase.js';
import type { Mirroring } from './mirror.js';
import { createReconcile } from './reconcile.js';

/**
 * Work on mounted file systems. Linux alone: paths go through /proc/self/fd, so that no link leads out of a mount. Nothing of it names a key or
 * a file in a result, heartbeat or failure.
 */
export function createMountActivities({
  s3,
  hashes,
  mirroring,
}: {
  readonly s3: S3Client;
  /** One stands for the list of a purge. */
  readonly hashes: () => Promise<KeyedHashes>;
  /** The process's one. */
  readonly mirroring: Mirroring;
}): CopyActivities & Pick<StorageActivities, 'reconcileMirror'> {
  return { ...createCopyActivities({ s3, hashes }), reconcileMirror: createReconcile(s3, mirroring) };
}
