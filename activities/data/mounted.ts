import { heartbeat } from '@temporalio/activity';
import type { FileSystemChannel } from '../../contracts/definition/file-systems.js';
import { parseS3Uri } from '../../contracts/names.js';
import type { FileEntry } from '../../contracts/records.js';
import { fail, isFailure } from '../errors.js';
import { Conflicted } from '../mounts/conflicts.js';
import { mountFailure } from '../mounts/faults.js';
import { Folder } from '../mounts/folder.js';
import { isStillOpen, STAGING, textOf, type Bytes } from '../mounts/image.js';
import { datedAs } from './dates.js';
import type { ChannelListing } from './listing.js';
import { counted } from './news.js';

/** Files looked at at once: a network file system answers one in a millisecond or so. */
const AT_ONCE = 32;
const NS_PER_MS = 1_000_000n;

/**
 * Lists every file of a channel's folder on this worker's mount: all that SageMaker mounts, whatever its date. Links are not followed, neither
 * in the folder nor on the way to it. What a mirror is still copying, and what is deleted but held open, is no file yet or any more.
 * @throws ResourceMissing if the folder isn't there
 */
export async function listMounted(channel: FileSystemChannel): Promise<ChannelListing> {
  const walk = new Walk(channel);
  try {
    const root = await openRoot(channel);
    try {
      await walk.folder(root, '');
    } finally {
      await root.close();
    }
  } catch (error) {
    throw mountFailure(error, channel, `listing channel ${channel.channel}`);
  }
  return {
    name: channel.channel,
    prefix: '',
    files: walk.files.sort((a, b) => (a.key < b.key ? -1 : 1)),
    ignored: 0,
    mount: { path: channel.path, notes: walk.notes() },
  };
}

/** What stands before a file's path below the folder, in its key. */
function keyPrefix({ mirrorOf, fileSystem, directory }: FileSystemChannel): string {
  if (mirrorOf !== undefined) return parseS3Uri(mirrorOf).key;
  return `${fileSystem}:${directory === '/' ? '' : directory}/`;
}

async function openRoot({ channel, path, fileSystem, directory }: FileSystemChannel): Promise<Folder> {
  try {
    return await Folder.root({ path, mountPoint: false });
  } catch (error) {
    if (!isFailure(error, 'ResourceMissing')) throw error;
    throw fail(
      'ResourceMissing',
      `${path}, where channel ${channel} is read, is no folder on this worker, or has a link in its path: mount ${fileSystem} on every worker so that its ${directory} is there, or correct data.fileSystems`,
      { cause: error },
    );
  }
}

class Walk {
  readonly files: FileEntry[] = [];
  private links = 0;
  private special = 0;
  private unnamed = 0;
  private readonly before: string;

  constructor(private readonly channel: FileSystemChannel) {
    this.before = keyPrefix(channel);
  }

  /** Adds what is below a folder. `path` is that of the folder below the root, with a / at its end; empty for the root. */
  async folder(folder: Folder, path: Bytes): Promise<void> {
    const folders: Bytes[] = [];
    let batch: Bytes[] = [];
    const flush = async () => {
      await Promise.all(batch.map((name) => this.file(folder, path, name)));
      batch = [];
      heartbeat(this.files.length);
    };
    for await (const { name, isFolder } of folder.entries()) {
      if (isStillOpen(name) || (path === '' && name === STAGING)) continue;
      if (isFolder) folders.push(name);
      else batch.push(name);
      if (batch.length === AT_ONCE) await flush();
    }
    await flush();
    for (const name of folders) await this.below(folder, path, name);
  }

  notes(): string[] {
    const left = [
      this.links > 0 && `${counted(this.links, 'symbolic link')}, not followed`,
      this.special > 0 && `${this.special} neither file nor folder`,
      this.unnamed > 0 && `${this.unnamed} with a name that is no UTF-8`,
    ].filter((part) => part !== false);
    return left.length === 0
      ? []
      : [
          `channel ${this.channel.channel}: not in the record of this run, though training may see it: ${left.join('; ')}`,
        ];
  }

  private async below(folder: Folder, path: Bytes, name: Bytes): Promise<void> {
    let inner: Folder | undefined;
    try {
      inner = await folder.open(name);
    } catch (error) {
      // Swapped for a link a moment ago.
      if (!(error instanceof Conflicted)) throw error;
      this.links += 1;
    }
    if (!inner) return;
    try {
      await this.folder(inner, `${path}${name}/`);
    } finally {
      await inner.close();
    }
  }

  private async file(folder: Folder, path: Bytes, name: Bytes): Promise<void> {
    const stats = await folder.look(name);
    // Gone since its folder was read.
    if (!stats) return;
    if (stats.isSymbolicLink()) this.links += 1;
    else if (!stats.isFile()) this.special += 1;
    else {
      const relative = textOf(`${path}${name}`);
      if (relative === undefined) {
        this.unnamed += 1;
        return;
      }
      const modified = new Date(Number(stats.mtimeNs / NS_PER_MS)).toISOString().slice(0, 10);
      this.files.push({
        channel: this.channel.channel,
        key: `${this.before}${relative}`,
        date: datedAs(relative) ?? modified,
        etag: `mtime-${stats.mtimeNs}`,
        size: Number(stats.size),
        mounted: true,
      });
    }
  }
}
