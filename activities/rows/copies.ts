import type { S3Client } from '@aws-sdk/client-s3';
import { cancellationSignal } from '@temporalio/activity';
import pLimit from 'p-limit';
import type { CopiesErased, PurgeWork } from '../../contracts/purge/index.js';
import { searchCopies, type Mount } from '../mounts/copies.js';
import { findCopies, type Copy } from '../mounts/find.js';
import type { Mirroring } from '../mounts/mirror.js';
import { head } from '../mounts/objects.js';
import { textOf } from '../mounts/image.js';
import { dropStaged } from '../mounts/staged.js';
import { isCopyOf } from '../mounts/stamp.js';
import { Tally } from '../mounts/tally.js';
import type { Target } from '../purge/targets.js';
import { unreadableFileAdvice, type BlockedEntries } from './blocked.js';
import { searchFile, type Searched } from './content.js';
import type { Journal } from './journal.js';
import type { RowSearch } from './search.js';

/** Files of mounts read or made anew at once. */
const AT_ONCE = 8;

export interface RowCopiesOf {
  readonly s3: S3Client;
  readonly work: PurgeWork;
  readonly search: RowSearch;
  readonly journal: Pick<Journal, 'noteLinks'>;
  readonly blocked: BlockedEntries;
  readonly mirroring: Pick<Mirroring, 'mirrorOne'>;
}

/** Files on mounts while rows are erased from their objects. */
export interface RowCopies {
  /** Notes an object's files that have other names, and may hold rows: the mirror puts a new file in a name's place alone. */
  noteLinks(object: Target): Promise<void>;
  /** Erases the files of an object that was made of another, and is erased. */
  eraseDerived(object: Target): Promise<void>;
  /** Has every file that holds rows follow its object, or go, whatever the rules of its mirror are. Answers how many it were. */
  follow(): Promise<CopiesErased>;
}

/** The targets of a purge of rows with their copies that have the same rows, each once. */
export async function* rowPlaces({ list }: RowSearch): AsyncGenerator<Target> {
  for await (const { own } of list.places()) yield* own;
}

/** A file's content, unless it is the copy of its object: that is searched in S3. */
export async function searchedUnlessEqual(
  s3: S3Client,
  { mirror }: Mount,
  copy: Copy,
  search: RowSearch,
): Promise<Searched | undefined> {
  const name = textOf(copy.path);
  const object = name === undefined ? undefined : { bucket: mirror.bucket, key: mirror.prefix + name };
  const state = object && (await head(s3, object, cancellationSignal()));
  if (state && isCopyOf(state, copy.stats)) return undefined;
  return searchFile(copy.folder, copy.name, search);
}

/** Whether a file is known to have none of the rows. */
export const isClean = (seen: Searched | undefined): boolean =>
  seen === undefined || seen.state === 'changed' || (seen.state === 'searched' && seen.rows === 0 && seen.short === 0);

export function rowCopies({ s3, work, search, journal, blocked, mirroring }: RowCopiesOf): RowCopies {
  const { mirrors } = work.storage;
  const limit = pLimit(AT_ONCE);

  return {
    noteLinks: (object) =>
      onMounts(object, async (mount, copy) => {
        if (copy.stats.nlink < 2n || !copy.stats.isFile()) return;
        if (!isClean(await searchFile(copy.folder, copy.name, search))) await note(mount, copy);
      }),

    eraseDerived: (object) =>
      onMounts(object, async (mount, copy) => {
        if (copy.stats.nlink > 1n) await note(mount, copy);
        await force(mount, copy);
      }),

    follow() {
      const tally = new Tally();
      const found = (mount: Mount, copy: Copy) =>
        limit(async () => {
          search.alive();
          const seen = await searchedUnlessEqual(s3, mount, copy, search);
          if (isClean(seen)) return;
          if (seen?.state === 'searched' && seen.rows > 0) {
            if (copy.stats.nlink > 1n) await note(mount, copy);
            await force(mount, copy);
            if (await isThere(copy)) await copy.folder.unlink(copy.name);
            tally.add(mount.mirror, copy.stats.size);
            return;
          }
          // Nobody knows what it holds: by its mirror's rules it may go, and only by these.
          await mirrorOne(mount, copy);
          if (await isThere(copy)) blocked.add('error', unreadableFileAdvice(mount.mirror.path, why(seen)));
        });
      return searchCopies(mirrors, rowPlaces(search), {
        tally,
        // verifyRows tells what is still open.
        at: (mount, wanted) =>
          findCopies(mount, wanted, {
            found,
            conflict: tally.conflicts.add.bind(tally.conflicts),
            stillOpen: async () => undefined,
          }),
        after: ({ root }) => dropStaged(root),
      });
    },
  };

  /** What is in the way of an object's file is told by `follow`, which looks at it again. */
  async function onMounts(object: Target, found: (mount: Mount, copy: Copy) => Promise<void>): Promise<void> {
    const at = (mount: Mount, wanted: Parameters<typeof findCopies>[1]) =>
      findCopies(mount, wanted, { found, conflict: () => undefined });
    await searchCopies(mirrors, one(object), { tally: new Tally(), at });
  }

  function note({ mirror }: Mount, { stats }: Copy): Promise<void> {
    return journal.noteLinks(`${mirror.path}\0${stats.dev}\0${stats.ino}`);
  }

  /** What a mirror follows is not a purge's to ask. */
  function force(mount: Mount, copy: Copy): Promise<void> {
    return mirrorOne({ ...mount, mirror: { ...mount.mirror, created: true, removed: true } }, copy);
  }

  /** What keeps the file from following is seen by a look at the file. */
  async function mirrorOne({ mirror }: Mount, { path }: Copy): Promise<void> {
    const name = textOf(path);
    if (name === undefined) return;
    const going = { signal: cancellationSignal(), progress: search.alive };
    await mirroring.mirrorOne(mirror, { bucket: mirror.bucket, key: mirror.prefix + name }, going);
  }

  function why(seen: Searched | undefined): string {
    return seen?.state === 'unreadable' ? seen.why : `it has rows of fewer than ${search.column} columns`;
  }
}

/** Whether the very file is there that was found. */
async function isThere({ folder, name, stats }: Copy): Promise<boolean> {
  const now = await folder.look(name);
  return now !== undefined && now.ino === stats.ino && now.dev === stats.dev && now.mtimeNs === stats.mtimeNs;
}

async function* one(target: Target): AsyncGenerator<Target> {
  yield target;
}
