import type { S3Client } from '@aws-sdk/client-s3';
import type { CopiesErased, PurgeWork } from '../../contracts/purge/index.js';
import type { Mirror } from '../../contracts/storage/index.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { throwIfCancelled } from '../purge/failures.js';
import { forEachOf } from '../purge/streams.js';
import { TargetList } from '../purge/target-list.js';
import { isObject, type Target } from '../purge/targets.js';
import { Conflicted } from './conflicts.js';
import { mountFailure } from './faults.js';
import { Folder } from './folder.js';
import { belowMirror, bytesOf, type Bytes } from './image.js';
import type { Tally } from './tally.js';

/** Targets worked on at once. */
const AT_ONCE = 64;

/** A mirror's mount while targets are looked for on it. */
export interface Mount {
  readonly mirror: Mirror;
  readonly root: Folder;
}

/** What a target names on one mount: one key's file, or all whose path begins so. */
export type Wanted = { readonly key: Bytes } | { readonly prefix: Bytes };

export interface Search {
  readonly tally: Tally;
  /** What to do with each target on each mount that a mirror covers it on. */
  readonly at: (mount: Mount, wanted: Wanted) => Promise<void>;
  /** Once for each mount, at the end. */
  readonly after?: (mount: Mount) => Promise<void>;
}

/** The targets of a purge and their declared copies, each once. `alive` is called while the list is read. */
export async function* eachPlace(
  s3: S3Client,
  work: Pick<PurgeWork, 'storage' | 'targetsUri' | 'targetsHash'>,
  hashes: () => Promise<KeyedHashes>,
  alive: () => void,
): AsyncGenerator<Target> {
  const list = await TargetList.read(s3, work, hashes, alive);
  for await (const { own } of list.places()) yield* own;
}

/**
 * Goes through places of S3 and looks for them on every mount concerned. A mount that none concerns is not opened.
 * @throws ResourceMissing where nothing is mounted: nothing is known then about what is there
 */
export async function searchCopies(
  mirrors: readonly Mirror[],
  places: AsyncIterable<Target>,
  { tally, at, after }: Search,
): Promise<CopiesErased> {
  const open = new Map<Mirror, Promise<Mount>>();
  const mounted = (mirror: Mirror) => {
    let mount = open.get(mirror);
    if (!mount) {
      mount = Folder.root(mirror).then((root) => ({ mirror, root }));
      open.set(mirror, mount);
    }
    return mount;
  };
  const onMount = async (mirror: Mirror, act: (mount: Mount) => Promise<void>) => {
    try {
      await act(await mounted(mirror));
    } catch (error) {
      if (error instanceof Conflicted) tally.conflicts.add(error.conflict);
      else {
        await throwIfCancelled();
        throw mountFailure(error, mirror, "looking for targets' copies");
      }
    }
  };
  try {
    await forEachOf(places, AT_ONCE, async (place) => {
      for (const mirror of mirrors)
        for (const wanted of wantedOf(mirror, place)) await onMount(mirror, (mount) => at(mount, wanted));
    });
    const mounts = await Promise.all(open.values());
    if (after) for (const mount of mounts) await onMount(mount.mirror, after);
    return tally.result(mounts.map(({ mirror }) => mirror));
  } finally {
    for (const mount of await Promise.allSettled(open.values()))
      if (mount.status === 'fulfilled') await mount.value.root.close();
  }
}

/** What of a mirror's mount a target names; nothing if the mirror doesn't cover it. */
function* wantedOf(mirror: Mirror, target: Target): Generator<Wanted> {
  if (isObject(target)) {
    const key = belowMirror(mirror, target);
    if (key !== undefined) yield { key };
  } else if (target.bucket === mirror.bucket) {
    if (target.prefix.startsWith(mirror.prefix)) yield { prefix: bytesOf(target.prefix.slice(mirror.prefix.length)) };
    // All of what the mirror copies.
    else if (mirror.prefix.startsWith(target.prefix)) yield { prefix: '' };
  }
}
