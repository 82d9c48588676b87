import { Context } from '@temporalio/activity';
import type { S3Client } from '@aws-sdk/client-s3';
import type { CopyActivities, PurgePlanCopies, PurgeWork } from '../../contracts/purge/index.js';
import { fail } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { isLater } from '../purge/choose.js';
import { isCancelledByRequest } from '../purge/failures.js';
import { writeJson } from '../s3/answer.js';
import { Conflicted, type Conflict } from './conflicts.js';
import { eachPlace, searchCopies, type Mount } from './copies.js';
import { findCopies, type Copy } from './find.js';
import { descend, removeEmptyFolders } from './path.js';
import { beating } from './heartbeats.js';
import { isStillOpen, textOf } from './image.js';
import { head } from './objects.js';
import { SeenFolders } from './seen-folders.js';
import { dropStaged } from './staged.js';
import { isCopyOf } from './stamp.js';
import { Tally } from './tally.js';

/** Paths that a plan names. */
const MOST_PATHS = 10_000;
/** Sweeps of one prefix, each until nothing was left of the one before: file systems may pass over entries while others are removed. */
const MOST_SWEEPS = 100;

interface Clients {
  readonly s3: S3Client;
  readonly hashes: () => Promise<KeyedHashes>;
}

/** Copies on mounts, for purges. Safe to repeat: what is gone stays gone, and heartbeats carry what was counted. */
export function createCopyActivities({ s3, hashes }: Clients): CopyActivities {
  return {
    async planCopies({ outputUri, ...work }) {
      const tally = new Tally();
      const paths: string[] = [];
      let more = 0;
      const { progress } = beating(() => tally.carried());
      const found = async ({ mirror }: Mount, { path, stats }: Copy) => {
        tally.add(mirror, stats.size);
        if (paths.length < MOST_PATHS) paths.push(`${mirror.path}/${Buffer.from(path, 'latin1').toString()}`);
        else more += 1;
        progress();
      };
      const finding = { found, conflict: tally.conflicts.add.bind(tally.conflicts) };
      const counted = await searchCopies(work.storage.mirrors, eachPlace(s3, work, hashes, progress), {
        tally,
        at: (mount, wanted) => findCopies(mount, wanted, finding),
      });
      const plan: PurgePlanCopies = { ...counted, paths: paths.sort(), more };
      return writeJson(s3, { outputUri, kmsKey: work.storage.records.key }, plan);
    },

    async eraseCopies(work) {
      if (work.options.column !== undefined)
        throw fail(
          'InvalidRequest',
          'a purge of rows keeps the objects, so it erases no copies of them: ask for eraseRows',
        );
      const tally = new Tally(Context.current().info.heartbeatDetails);
      const { progress, signal } = beating(() => tally.carried());
      const conflict = tally.conflicts.add.bind(tally.conflicts);
      const emptied = new SeenFolders((mount, folder) => removeEmptyFolders(mount.root, folder));
      const erase = async (mount: Mount, copy: Copy) => {
        if (work.options.uploads !== 'purge' && (await isOfLaterUpload(s3, work, { mount, copy, signal })))
          return false;
        if (!(await unlinked(copy, conflict))) return false;
        if (copy.stats.nlink > 1n) tally.conflicts.add('file with other links');
        tally.add(mount.mirror, copy.stats.size);
        progress();
        return true;
      };
      const searched = searchCopies(work.storage.mirrors, eachPlace(s3, work, hashes, progress), {
        tally,
        async at(mount, wanted) {
          let erased = 0;
          const found = async (_mount: Mount, copy: Copy) => {
            if (!(await erase(mount, copy))) return;
            erased += 1;
            if ('key' in wanted) await emptied.add(mount, copy.folders);
          };
          // What is still open is verifyCopies' to tell.
          const finding = { found, conflict: () => undefined, left: removeLeft };
          if ('key' in wanted) return findCopies(mount, wanted, finding);
          for (let sweeps = 0, before = -1; erased > before && sweeps < MOST_SWEEPS; sweeps += 1) {
            before = erased;
            await findCopies(mount, wanted, finding);
          }
          const folders = wanted.prefix.split('/').slice(0, -1);
          if (erased > 0) await emptied.add(mount, folders);
        },
        async after(mount) {
          await emptied.flush();
          await dropStaged(mount.root);
        },
      });
      return searched.catch((error: unknown) => {
        // What was erased until somebody cancelled it is to stand in the record.
        if (isCancelledByRequest()) return tally.partial(work.storage.mirrors);
        throw error;
      });
    },

    async verifyCopies(work) {
      const tally = new Tally();
      const { progress, signal } = beating(() => tally.carried());
      const conflict = tally.conflicts.add.bind(tally.conflicts);
      const folders = new SeenFolders(({ root }, path) =>
        descend(root, path, async (folder) => {
          for await (const { name } of folder.entries()) {
            progress();
            if (isStillOpen(name)) conflict('deleted file that is still open');
          }
        }),
      );
      let later = 0;
      const found = async (mount: Mount, copy: Copy) => {
        if (await isOfLaterUpload(s3, work, { mount, copy, signal })) {
          later += 1;
          return;
        }
        tally.add(mount.mirror, copy.stats.size);
        progress();
      };
      const answer = await searchCopies(work.storage.mirrors, eachPlace(s3, work, hashes, progress), {
        tally,
        async at(mount, wanted) {
          await findCopies(mount, wanted, { found, conflict });
          progress();
          if ('key' in wanted) await folders.add(mount, wanted.key.split('/').slice(0, -1));
        },
        async after(mount) {
          await folders.flush();
          await dropStaged(mount.root);
        },
      });
      return { ...answer, ...(later > 0 && { later }) };
    },
  };
}

/** A folder that has come in the file's place since it was found is told, and the others go on. */
async function unlinked({ folder, name }: Copy, conflict: (one: Conflict) => void): Promise<boolean> {
  try {
    return await folder.unlink(name);
  } catch (error) {
    if (!(error instanceof Conflicted)) throw error;
    conflict(error.conflict);
    return false;
  }
}

const removeLeft = async (parent: Copy['folder'], name: string) => {
  await parent.removeEmpty(name);
};

/**
 * Whether a file is the copy of an object that was uploaded after the purge began, where no tombstone keeps such off mounts. The file's own time proves nothing,
 * as anyone may set it: S3 is asked, for the few files that look like it.
 */
async function isOfLaterUpload(
  s3: S3Client,
  { ref, options }: PurgeWork,
  { mount: { mirror }, copy, signal }: { mount: Mount; copy: Copy; signal: AbortSignal },
): Promise<boolean> {
  // Where tombstones stand, no mount may have them.
  if (options.tombstones !== false || !isLater(Number(copy.stats.mtimeMs), ref.startedAt)) return false;
  const name = textOf(copy.path);
  if (name === undefined) return false;
  const state = await head(s3, { bucket: mirror.bucket, key: mirror.prefix + name }, signal);
  return state !== undefined && isLater(state.lastModified.getTime(), ref.startedAt) && isCopyOf(state, copy.stats);
}
