import { constants, type BigIntStats } from 'node:fs';
import { lstat, mkdir, open, opendir, rename, rmdir, stat, unlink, type FileHandle } from 'node:fs/promises';
import type { Mirror } from '../../contracts/storage/index.js';
import { fail } from '../errors.js';
import { Conflicted } from './conflicts.js';
import { codeOf, isMissing } from './faults.js';
import { bytesOf, type Bytes } from './image.js';

const OPEN_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Entries read at once. */
const READ_AHEAD = 1_024;

export type Ownership = Pick<Mirror, 'uid' | 'gid' | 'fileMode' | 'folderMode'>;

/** An entry of a folder. */
export interface Entry {
  readonly name: Bytes;
  readonly isFolder: boolean;
}

/**
 * An open folder. Everything in it is named through its file descriptor (`/proc/self/fd/N/name`, so this is Linux's alone), one segment at a
 * time, and a link is never followed: whoever swaps a folder of the path for a link at any moment leads nobody out of the mount.
 */
export class Folder {
  private constructor(private readonly handle: FileHandle) {}

  /**
   * Opens a mirror's folder.
   * @throws ResourceMissing if it isn't there or, where the mirror says that it must be, nothing is mounted at it: an empty folder would pass
   * for an erased one
   */
  static async root({ path, mountPoint }: Pick<Mirror, 'path' | 'mountPoint'>): Promise<Folder> {
    const missing = (why: string) =>
      fail(
        'ResourceMissing',
        `nothing is mounted at ${path} on this worker: ${why}. Mount the file system there on every worker, or correct path and mountPoint in the storage file`,
      );
    let folder = new Folder(await open('/', OPEN_FOLDER));
    try {
      for (const segment of path.split('/').filter((part) => part !== '')) {
        const next = await folder.open(bytesOf(segment));
        if (!next) throw missing('there is no such folder');
        await folder.close();
        folder = next;
      }
      if (mountPoint && !(await folder.isMountPoint())) throw missing('the folder belongs to the file system above it');
      return folder;
    } catch (error) {
      await folder.close();
      if (error instanceof Conflicted) throw missing(`its path has a ${error.conflict}`);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  /** Opens a folder in this one; undefined if there is none. A link in its place is a conflict. */
  async open(name: Bytes): Promise<Folder | undefined> {
    try {
      return new Folder(await open(this.at(name), OPEN_FOLDER));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      if (!['ENOTDIR', 'ELOOP'].includes(codeOf(error))) throw error;
      if ((await this.look(name))?.isSymbolicLink()) throw new Conflicted('symbolic link in the path');
      return undefined;
    }
  }

  /** Opens a folder in this one and makes it if there is none, with mode and owner. `owned`: whether the owner is as asked. */
  async openOrMake(name: Bytes, ownership: Ownership): Promise<{ folder: Folder; owned: boolean }> {
    const there = await this.open(name);
    if (there) return { folder: there, owned: true };
    const mode = Number.parseInt(ownership.folderMode, 8);
    try {
      await mkdir(this.at(name), mode);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      const folder = await this.open(name);
      // Made by another just now, or it is a file.
      if (folder) return { folder, owned: true };
      throw new Conflicted('file in the place of a folder');
    }
    const folder = await this.open(name);
    // Removed again by another, as it was empty: the caller goes round.
    if (!folder) throw Object.assign(new Error('the folder vanished'), { code: 'ENOENT' });
    try {
      return { folder, owned: await own(folder.handle, ownership, mode) };
    } catch (error) {
      await folder.close();
      throw error;
    }
  }

  /** What stands under a name, links not followed; undefined if nothing does. */
  async look(name: Bytes): Promise<BigIntStats | undefined> {
    try {
      return await lstat(this.at(name), { bigint: true });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Opens a new file for writing, which nobody else may read yet. */
  create(name: Bytes): Promise<FileHandle> {
    return open(this.at(name), NEW_FILE, 0o600);
  }

  /** Opens a file for reading; undefined if none has the name. Whoever put a pipe there keeps nobody waiting. */
  async read(name: Bytes): Promise<FileHandle | undefined> {
    try {
      const file = await open(this.at(name), READ);
      if ((await file.stat()).isFile()) return file;
      await file.close();
      return undefined;
    } catch (error) {
      if (isMissing(error) || codeOf(error) === 'ELOOP') return undefined;
      throw error;
    }
  }

  /** Puts a file of another folder of the mount in this one, in place of what had the name. */
  async take(from: Folder, staged: Bytes, name: Bytes): Promise<void> {
    try {
      await rename(from.at(staged), this.at(name));
    } catch (error) {
      if (['EISDIR', 'EEXIST', 'ENOTEMPTY'].includes(codeOf(error)))
        throw new Conflicted('folder in the place of a file');
      throw error;
    }
  }

  /** Removes a file or a link; false if nothing was there. */
  async unlink(name: Bytes): Promise<boolean> {
    try {
      await unlink(this.at(name));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      if (codeOf(error) === 'EISDIR') throw new Conflicted('folder in the place of a file');
      throw error;
    }
  }

  /** Removes a folder if it is empty; whether it did. */
  async removeEmpty(name: Bytes): Promise<boolean> {
    try {
      await rmdir(this.at(name));
      return true;
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(codeOf(error)) || isMissing(error)) return false;
      throw error;
    }
  }

  /** What is in the folder, in no order, read as it is asked for. */
  async *entries(): AsyncGenerator<Entry> {
    const options = { encoding: 'buffer' as BufferEncoding, bufferSize: READ_AHEAD };
    for await (const entry of await opendir(this.at('.'), options))
      // The types know no buffers here, although Node gives them.
      yield { name: (entry.name as unknown as Buffer).toString('latin1'), isFolder: entry.isDirectory() };
  }

  private async isMountPoint(): Promise<boolean> {
    const [own, above] = await Promise.all([this.handle.stat(), stat(this.at('..'))]);
    return own.dev !== above.dev;
  }

  private at(name: Bytes): Buffer {
    return Buffer.from(`/proc/self/fd/${this.handle.fd}/${name}`, 'latin1');
  }
}

/** Sets mode and owner. Only root may give a file away: where that is refused, whoever made it keeps it. */
export async function own(handle: FileHandle, { uid, gid }: Ownership, mode: number): Promise<boolean> {
  await handle.chmod(mode);
  const now = await handle.stat();
  if (now.uid === uid && now.gid === gid) return true;
  try {
    await handle.chown(uid, gid);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EPERM') return false;
    throw error;
  }
}
