import type { S3Client } from '@aws-sdk/client-s3';
import type { Mirror, Storage } from '../../contracts/storage/index.js';
import { fail } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { Afterwards } from './afterwards.js';
import { Conflicted, type Conflict } from './conflicts.js';
import { copyObject, type Going } from './copy.js';
import { isMissing, mountFailure } from './faults.js';
import { Folder } from './folder.js';
import { descend, removeEmptyFolders } from './path.js';
import { belowMirror, imageOf, textOf, type Bytes, type FileImage } from './image.js';
import { head, isGone, type ObjectName } from './objects.js';
import { AGE_MS, purgedKeys, type PurgedBy } from './purged.js';
import { isCopyOf } from './stamp.js';
import { Turns } from './turns.js';

/** What was done to a mount for one key; bytes are those copied. */
interface Mirrored {
  readonly copied: number;
  readonly removed: number;
  readonly bytes: number;
  readonly conflicts: readonly Conflict[];
}

export interface Mirroring {
  /**
   * Makes every declared mirror of the key equal to what HEAD of the key answers: copied, removed, or as it is already. A purged key counts as
   * absent. Whatever happens
   * meanwhile, here or in other workers, it ends only when a look has found both equal.
   * @throws ResourceMissing where nothing is mounted; typed failures of S3 and of the file system. None names the key.
   */
  mirrorKey(storage: Pick<Storage, 'mirrors'>, object: ObjectName, going?: Going): Promise<Mirrored>;
  /** The same for one mirror. */
  mirrorOne(mirror: Mirror, object: ObjectName, going?: Going): Promise<Mirrored>;
  /** The request that erased a key for good: no mount has a file of it, whatever the bucket has. */
  purgedBy: PurgedBy;
}

/** An object that changes at each look is left to the event of its last change. */
const MOST_ROUNDS = 20;

const NOTHING: Mirrored = { copied: 0, removed: 0, bytes: 0, conflicts: [] };

/** Whether a key has a copy on some mirror: others cost nothing. */
export const isMirrored = ({ mirrors }: Pick<Storage, 'mirrors'>, object: ObjectName) =>
  mirrors.some((mirror) => belowMirror(mirror, object) !== undefined);

/** What was in the way has become something else at the same moment: another look tells. */
function asSwapped(error: unknown): boolean {
  if (error instanceof Conflicted || isMissing(error)) return true;
  throw error;
}

interface Dependencies {
  readonly s3: S3Client;
  /** Opens the keyed hashes; needed once anything was purged. */
  readonly hashes: () => Promise<KeyedHashes>;
  /** How old what is known of tombstones may be. */
  readonly ageMs?: number;
}

/** Keeps mounts equal to buckets, key by key. One for a process: it keeps work on one key apart. */
export function createMirroring({ s3, hashes, ageMs = AGE_MS }: Dependencies): Mirroring {
  const turns = new Turns<Mirrored>();
  const purgedBy = purgedKeys({ s3, hashes, ageMs });
  const afterwards = new Afterwards(async (mirror, object, since) => {
    if ((await purgedBy(object, since)) !== undefined) await mirrorOne(mirror, object);
  }, ageMs);

  return {
    async mirrorKey({ mirrors }, object, going = {}) {
      const done = await Promise.all(mirrors.map((mirror) => mirrorOne(mirror, object, going)));
      return done.reduce(
        (all, one) => ({
          copied: all.copied + one.copied,
          removed: all.removed + one.removed,
          bytes: all.bytes + one.bytes,
          conflicts: [...all.conflicts, ...one.conflicts],
        }),
        NOTHING,
      );
    },
    mirrorOne,
    purgedBy,
  };

  async function mirrorOne(mirror: Mirror, object: ObjectName, going: Going = {}): Promise<Mirrored> {
    const relative = belowMirror(mirror, object);
    if (relative === undefined) return NOTHING;
    const image = imageOf(relative);
    if (!image) return { ...NOTHING, conflicts: ['key without an image on a mount'] };
    if ('marker' in image) return NOTHING;
    return turns.take(`${mirror.path}\0${object.bucket}\0${object.key}`, async () => {
      try {
        const root = await Folder.root(mirror);
        try {
          const done = await settle({ mirror, object, image, root, going });
          if (done.copied > 0) afterwards.add(mirror, object);
          return done;
        } finally {
          await root.close();
        }
      } catch (error) {
        throw mountFailure(error, mirror, 'mirroring an object');
      }
    });
  }

  interface Place {
    readonly mirror: Mirror;
    readonly object: ObjectName;
    readonly image: FileImage;
    readonly root: Folder;
    readonly going: Going;
  }

  /** Looks, and makes equal, until a look finds nothing to do: what another worker did meanwhile is seen then. */
  async function settle(place: Place): Promise<Mirrored> {
    const conflicts = new Set<Conflict>();
    let [copied, removed, bytes] = [0, 0, 0];
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      try {
        const done = await look(place, () => conflicts.add('owner that could not be set'));
        if (!done)
          return { copied: Math.min(copied, 1), removed: Math.min(removed, 1), bytes, conflicts: [...conflicts] };
        if (done.what === 'copied') {
          copied += 1;
          bytes = done.bytes;
        } else if (done.what === 'removed') removed += 1;
      } catch (error) {
        // A folder on the way was removed by another, as it was empty.
        if (isMissing(error)) continue;
        if (!(error instanceof Conflicted)) throw error;
        if (await clearedTheWay(place, error.conflict).catch(asSwapped)) continue;
        return { copied: 0, removed: Math.min(removed, 1), bytes: 0, conflicts: [...conflicts, error.conflict] };
      }
    }
    throw fail(
      'ServiceUnavailable',
      `an object of s3://${place.object.bucket} changed at each of ${MOST_ROUNDS} looks; its copy under ${place.mirror.path} is made equal at the next try`,
    );
  }

  type Done = { readonly what: 'copied'; readonly bytes: number } | { readonly what: 'removed' | 'changed' };

  /** One look; undefined where mount and bucket are equal, or as unequal as the mirror's rules leave them. */
  async function look(place: Place, notOwned: () => void): Promise<Done | undefined> {
    const { mirror, object, image, root, going } = place;
    if ((await purgedBy(object)) !== undefined) return remove(place, 'purged');
    const state = await head(s3, object, going.signal);
    if (!state) return remove(place, 'gone');
    if (!mirror.created) return undefined;
    const file = await descend(root, image.folders, (folder) => folder.look(image.name));
    if (file && isCopyOf(state, file)) return undefined;
    const done = await copyObject({ s3, root, mirror, notOwned }, { object, state, image }, going);
    return done ? { what: 'copied', bytes: state.size } : { what: 'changed' };
  }

  /** What was purged goes by whatever rules. */
  async function remove(
    { mirror, object, image, root, going }: Place,
    why: 'purged' | 'gone',
  ): Promise<Done | undefined> {
    if (why === 'gone' && !mirror.removed) return undefined;
    const file = await descend(root, image.folders, (folder) => folder.look(image.name));
    // A folder is there for other keys.
    if (!file || file.isDirectory()) return undefined;
    if (why === 'gone' && !(await isGone(s3, object, going.signal))) return { what: 'changed' };
    await descend(root, image.folders, (folder) => folder.unlink(image.name));
    for (const folder of await removeEmptyFolders(root, image.folders)) await mirrorPath(mirror, folder, going);
    return { what: 'removed' };
  }

  /** A folder, or a file, that has gone may have been in the way of an object with its name. */
  async function mirrorPath(mirror: Mirror, path: readonly Bytes[], going: Going): Promise<Mirrored> {
    const name = textOf(path.join('/'));
    if (name === undefined) return NOTHING;
    return mirrorOne(mirror, { bucket: mirror.bucket, key: `${mirror.prefix}${name}` }, going);
  }

  /** Removes what is in the way and has no object of its own any more; whether something was. */
  async function clearedTheWay({ mirror, image, root, going }: Place, conflict: Conflict): Promise<boolean> {
    const path = [...image.folders, image.name];
    if (conflict === 'folder in the place of a file') return (await removeEmptyFolders(root, path)).length > 0;
    if (conflict !== 'file in the place of a folder' && conflict !== 'symbolic link in the path') return false;
    for (let depth = 1; depth < path.length; depth += 1) {
      const above = path.slice(0, depth);
      const there = await descend(root, above.slice(0, -1), (folder) => folder.look(above.at(-1) ?? ''));
      if (there && !there.isDirectory()) return (await mirrorPath(mirror, above, going)).removed > 0;
    }
    // It is gone by now.
    return true;
  }
}
