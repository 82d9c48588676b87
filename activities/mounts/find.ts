import type { BigIntStats } from 'node:fs';
import { forEachOf } from '../purge/streams.js';
import { Conflicted, type Conflict } from './conflicts.js';
import type { Mount, Wanted } from './copies.js';
import type { Entry, Folder } from './folder.js';
import { descend } from './path.js';
import { STAGING, imageOf, isStillOpen, type Bytes } from './image.js';
import { openUnlessSwapped } from './walk.js';

/** Files of one folder worked on at once. */
const AT_ONCE = 32;

/** A copy that was found. `path` is the key's part below the mirror's prefix. */
export interface Copy {
  readonly folder: Folder;
  readonly folders: readonly Bytes[];
  readonly name: Bytes;
  readonly path: Bytes;
  readonly stats: BigIntStats;
}

export interface Finding {
  readonly found: (mount: Mount, copy: Copy) => Promise<void>;
  readonly conflict: (conflict: Conflict) => void;
  /** Of a file below a prefix that is deleted and still open; a conflict without it. */
  readonly stillOpen?: (folder: Folder, name: Bytes) => Promise<void>;
  /** After each folder below a prefix, with its parent. */
  readonly left?: (parent: Folder, name: Bytes) => Promise<void>;
}

/** Finds what a target names on a mount: a key's file, or every file whose path begins with a prefix, which need not end with "/". */
export async function findCopies(mount: Mount, wanted: Wanted, finding: Finding): Promise<void> {
  if ('prefix' in wanted) return findBelow(mount, wanted.prefix, finding);
  const image = imageOf(wanted.key);
  if (!image) throw new Conflicted('key without an image on a mount');
  // The key of a folder: no file.
  if ('marker' in image) return;
  const { folders, name } = image;
  await descend(mount.root, folders, async (folder) => {
    const stats = await folder.look(name);
    if (stats?.isDirectory()) throw new Conflicted('folder in the place of a file');
    if (stats) await finding.found(mount, { folder, folders, name, path: wanted.key, stats });
  });
}

async function findBelow(mount: Mount, prefix: Bytes, finding: Finding): Promise<void> {
  const folders = prefix.split('/');
  const begins = folders.pop() ?? '';
  // Whatever the keys below are called, they need these folders.
  if (!imageOf([...folders, 'x'].join('/'))) throw new Conflicted('key without an image on a mount');
  await descend(mount.root, folders, (folder) => sweep(mount, { folder, folders, begins }, finding));
}

interface Place {
  readonly folder: Folder;
  readonly folders: readonly Bytes[];
  readonly begins: Bytes;
}

async function sweep(mount: Mount, { folder, folders, begins }: Place, finding: Finding): Promise<void> {
  const inner: Bytes[] = [];
  await forEachOf(folder.entries(), AT_ONCE, async ({ name, isFolder }: Entry) => {
    if (isStillOpen(name))
      return finding.stillOpen ? finding.stillOpen(folder, name) : finding.conflict('deleted file that is still open');
    if (!name.startsWith(begins) || (folders.length === 0 && name === STAGING)) return;
    if (isFolder) return void inner.push(name);
    const stats = await folder.look(name);
    if (!stats || stats.isDirectory()) return;
    await finding.found(mount, { folder, folders, name, path: [...folders, name].join('/'), stats });
  });
  for (const name of inner) {
    const next = await openUnlessSwapped(folder, name);
    if (!next) continue;
    try {
      await sweep(mount, { folder: next, folders: [...folders, name], begins: '' }, finding);
    } finally {
      await next.close();
    }
    await finding.left?.(folder, name);
  }
}
