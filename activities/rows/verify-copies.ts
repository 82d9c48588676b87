import type { S3Client } from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import type { CopiesErased, PurgeWork } from '../../contracts/purge/index.js';
import { searchCopies, type Mount } from '../mounts/copies.js';
import { findCopies, type Copy } from '../mounts/find.js';
import type { Folder } from '../mounts/folder.js';
import { isStillOpen, type Bytes } from '../mounts/image.js';
import { descend } from '../mounts/path.js';
import { SeenFolders } from '../mounts/seen-folders.js';
import { dropStaged } from '../mounts/staged.js';
import { Tally } from '../mounts/tally.js';
import { searchFile } from './content.js';
import { isClean, rowPlaces, searchedUnlessEqual } from './copies.js';
import type { RowSearch } from './search.js';

/** Files read at once. */
const AT_ONCE = 8;

/**
 * Looks at the mounts anew: `files` are those of the targets that are neither the copy of their object nor known, once read, to have none of the
 * rows. A file that is deleted and still open is read too: only one that may hold rows is told.
 */
export function copiesWithRows(s3: S3Client, work: PurgeWork, search: RowSearch): Promise<CopiesErased> {
  const tally = new Tally();
  const limit = pLimit(AT_ONCE);
  const found = (mount: Mount, copy: Copy) =>
    limit(async () => {
      search.alive();
      if (!isClean(await searchedUnlessEqual(s3, mount, copy, search))) tally.add(mount.mirror, copy.stats.size);
    });
  const stillOpen = (folder: Folder, name: Bytes) =>
    limit(async () => {
      if (!isClean(await searchFile(folder, name, search))) tally.conflicts.add('deleted file that is still open');
    });
  const folders = new SeenFolders(({ root }, path) =>
    descend(root, path, async (folder) => {
      for await (const { name } of folder.entries()) if (isStillOpen(name)) await stillOpen(folder, name);
    }),
  );
  return searchCopies(work.storage.mirrors, rowPlaces(search), {
    tally,
    async at(mount, wanted) {
      if ('key' in wanted) await folders.add(mount, wanted.key.split('/').slice(0, -1));
      await findCopies(mount, wanted, { found, stillOpen, conflict: tally.conflicts.add.bind(tally.conflicts) });
    },
    async after({ root }) {
      await folders.flush();
      await dropStaged(root);
    },
  });
}
