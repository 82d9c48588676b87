import type { Folder, Ownership } from './folder.js';
import type { Bytes } from './image.js';

/**
 * Uses the folder at the end of a path below `root`, and closes it afterwards; undefined if there is none. With `make` the folders that are
 * missing are made.
 */
export async function descend<T>(
  root: Folder,
  path: readonly Bytes[],
  use: (folder: Folder) => Promise<T>,
  make?: { readonly ownership: Ownership; readonly notOwned: () => void },
): Promise<T | undefined> {
  let folder = root;
  try {
    for (const segment of path) {
      let next: Folder | undefined;
      if (make) {
        const made = await folder.openOrMake(segment, make.ownership);
        if (!made.owned) make.notOwned();
        next = made.folder;
      } else next = await folder.open(segment);
      if (folder !== root) await folder.close();
      // Closed already, and not to be closed again.
      folder = root;
      if (!next) return undefined;
      folder = next;
    }
    return await use(folder);
  } finally {
    if (folder !== root) await folder.close();
  }
}

/**
 * Removes the folders of a path that are empty, the deepest first, never the mirror's root.
 * @returns the paths of those removed
 */
export async function removeEmptyFolders(root: Folder, path: readonly Bytes[]): Promise<(readonly Bytes[])[]> {
  const removed: (readonly Bytes[])[] = [];
  for (let depth = path.length; depth > 0; depth -= 1) {
    const name = path[depth - 1] ?? '';
    const gone = await descend(root, path.slice(0, depth - 1), (parent) => parent.removeEmpty(name));
    if (!gone) break;
    removed.push(path.slice(0, depth));
  }
  return removed;
}
