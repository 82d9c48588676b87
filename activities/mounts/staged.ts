import type { Folder } from './folder.js';
import { descend } from './path.js';
import { STAGING, isStillOpen, type Bytes } from './image.js';

/** Uses the files that are being copied, or that a worker which died has left half copied. */
export async function forEachStaged(root: Folder, use: (staging: Folder, name: Bytes) => Promise<void>): Promise<void> {
  await descend(root, [STAGING], async (staging) => {
    for await (const { name, isFolder } of staging.entries())
      if (!isFolder && !isStillOpen(name)) await use(staging, name);
  });
}

/** A file that is being copied may be a target's, also one that a worker which died has left. Who still copies it begins again, with a look. */
export const dropStaged = (root: Folder): Promise<void> =>
  forEachStaged(root, async (staging, name) => {
    await staging.unlink(name);
  });
