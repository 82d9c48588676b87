import type { S3Client } from '@aws-sdk/client-s3';
import type { MirrorDifference, StorageActivities } from '../../contracts/storage/state.js';
import type { Mirror } from '../../contracts/storage/index.js';
import { fail } from '../errors.js';
import { throwIfCancelled } from '../purge/failures.js';
import { forEachOf } from '../purge/streams.js';
import { Conflicts } from './conflicts.js';
import type { Going } from './copy.js';
import { mountFailure } from './faults.js';
import { Folder } from './folder.js';
import { beating } from './heartbeats.js';
import { imageOf, textOf } from './image.js';
import { listMirrored, type Listed } from './listing.js';
import type { Mirroring } from './mirror.js';
import type { PurgedBy } from './purged.js';
import { forEachStaged } from './staged.js';
import { isCopyOf } from './stamp.js';
import { walk, type Found } from './walk.js';

/** Repairs at once: bucket and mount are read on only as they go. */
const AT_ONCE = 16;
/** A file that is being copied for longer was left by a worker that died. Ms. */
const LEFT_AFTER_MS = 3_600_000;

type Counts = { -readonly [K in 'examined' | 'copied' | 'removed' | 'bytes']: MirrorDifference[K] };

/** Compares a mirror's bucket with its mount, both read in order side by side, and repairs what differs. */
export function createReconcile(
  s3: S3Client,
  { mirrorOne, purgedBy }: Pick<Mirroring, 'mirrorOne' | 'purgedBy'>,
): StorageActivities['reconcileMirror'] {
  return async ({ storage, mirror: index, dryRun }) => {
    const mirror = storage.mirrors[index];
    if (!mirror)
      throw fail('InvalidRequest', `the declared storage has no mirror ${index}: apply the storage file again`);
    const { bucket, prefix, path } = mirror;
    const counts: Counts = { examined: 0, copied: 0, removed: 0, bytes: 0 };
    const conflicts = new Conflicts();
    const leftOut: Record<string, number> = {};
    const going = beating(() => counts);

    const repair = async ({ key, kind, bytes }: Difference) => {
      const done = dryRun
        ? { copied: 0, removed: 0, conflicts: [], [kind]: 1, bytes }
        : await mirrorOne(mirror, { bucket, key }, going);
      counts.copied += done.copied;
      counts.removed += done.removed;
      counts.bytes += done.bytes;
      for (const conflict of done.conflicts) conflicts.add(conflict);
      going.progress();
    };

    try {
      const root = await Folder.root(mirror);
      try {
        await forEachOf(
          differences(s3, mirror, root, { counts, conflicts, leftOut, purgedBy, going }),
          AT_ONCE,
          repair,
        );
        if (!dryRun) await dropLeft(root);
      } finally {
        await root.close();
      }
    } catch (error) {
      await throwIfCancelled();
      throw mountFailure(error, mirror, 'reconciling the mirror');
    }
    return { bucket, prefix, path, ...counts, conflicts: conflicts.counts, leftOut };
  };
}

interface Difference {
  readonly key: string;
  readonly kind: 'copied' | 'removed';
  /** To copy. */
  readonly bytes: number;
}

interface Comparison {
  readonly counts: Counts;
  readonly conflicts: Conflicts;
  readonly leftOut: Record<string, number>;
  readonly purgedBy: PurgedBy;
  readonly going: Going;
}

/** What the mirror's rules want changed, found by a merge of two ordered lists. */
async function* differences(
  s3: S3Client,
  mirror: Mirror,
  root: Folder,
  { counts, conflicts, leftOut, purgedBy, going }: Comparison,
): AsyncGenerator<Difference> {
  const files = walk(root);
  try {
    let file = await files.next();
    const next = async () => {
      counts.examined += 1;
      going.progress?.();
      file = await files.next();
    };
    for await (const object of listMirrored(s3, mirror, going)) {
      counts.examined += 1;
      while (!file.done && file.value.path < object.path) {
        yield* surplus(file.value);
        await next();
      }
      const there = !file.done && file.value.path === object.path ? file.value : undefined;
      yield* wanted(object, there);
      if (there) await next();
    }
    while (!file.done) {
      yield* surplus(file.value);
      await next();
    }
  } finally {
    await files.return(undefined);
  }

  async function* wanted({ key, path, state }: Listed, file: Found | undefined): AsyncGenerator<Difference> {
    const image = imageOf(path);
    if (!image) conflicts.add('key without an image on a mount');
    if (!image || 'marker' in image) return;
    const request = await purgedBy({ bucket: mirror.bucket, key });
    if (request !== undefined) {
      const why = `purged (request ${request})`;
      leftOut[why] = (leftOut[why] ?? 0) + 1;
      if (file) yield { key, kind: 'removed', bytes: 0 };
      return;
    }
    if (!mirror.created) return;
    if (!file || !isCopyOf(state, file.stats)) yield { key, kind: 'copied', bytes: state.size };
  }

  async function* surplus({ path }: Found): AsyncGenerator<Difference> {
    const name = imageOf(path) && textOf(path);
    if (name === undefined) {
      if (mirror.removed) conflicts.add('name that no key can have');
      return;
    }
    const key = mirror.prefix + name;
    if (mirror.removed || (await purgedBy({ bucket: mirror.bucket, key })) !== undefined)
      yield { key, kind: 'removed', bytes: 0 };
  }
}

async function dropLeft(root: Folder): Promise<void> {
  const before = Date.now() - LEFT_AFTER_MS;
  await forEachStaged(root, async (staging, name) => {
    const stats = await staging.look(name);
    if (stats && Number(stats.ctimeMs) < before) await staging.unlink(name);
  });
}
