import type { BigIntStats } from 'node:fs';
import { Conflicted } from './conflicts.js';
import type { Folder } from './folder.js';
import { STAGING, isStillOpen, type Bytes } from './image.js';

/** Files looked at together. */
const AT_ONCE = 64;

/** A file (or link, or anything else that is no folder) below a mirror's folder. */
export interface Found {
  readonly path: Bytes;
  readonly stats: BigIntStats;
}

/**
 * Every file below a folder, in the order of S3's listings: by the bytes of the whole path, so that `a.b` comes before `a/b`. Memory follows the
 * largest folder, whose names are sorted.
 */
export async function* walk(folder: Folder, above: Bytes = ''): AsyncGenerator<Found> {
  const names: Bytes[] = [];
  for await (const { name, isFolder } of folder.entries()) {
    if ((above === '' && name === STAGING) || isStillOpen(name)) continue;
    // No name has a "/": at the end it tells folders, and sorts them as their files' paths sort.
    names.push(isFolder ? `${name}/` : name);
  }
  names.sort();
  for (let from = 0; from < names.length; from += AT_ONCE) {
    const some = names.slice(from, from + AT_ONCE);
    const looks = await Promise.all(some.map((name) => (name.endsWith('/') ? undefined : folder.look(name))));
    for (const [index, name] of some.entries()) {
      const stats = looks[index];
      if (stats && !stats.isDirectory()) yield { path: above + name, stats };
      if (name.endsWith('/')) yield* inside(folder, name.slice(0, -1), above + name);
    }
  }
}

async function* inside(parent: Folder, name: Bytes, path: Bytes): AsyncGenerator<Found> {
  const folder = await openUnlessSwapped(parent, name);
  if (!folder) return;
  try {
    yield* walk(folder, path);
  } finally {
    await folder.close();
  }
}

/** A folder that has become a link, or is gone, since its name was read has nothing of the mount in it. */
export async function openUnlessSwapped(parent: Folder, name: Bytes): Promise<Folder | undefined> {
  try {
    return await parent.open(name);
  } catch (error) {
    if (error instanceof Conflicted) return undefined;
    throw error;
  }
}
