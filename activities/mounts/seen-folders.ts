import type { Mount } from './copies.js';
import type { Bytes } from './image.js';

/** Folders remembered before they are seen to. */
const MOST = 1_000;

/** Folders to be seen to once, after the files in them: a thousand at a time, so that memory stays bounded however many there are. */
export class SeenFolders {
  private readonly folders = new Map<Mount, Map<Bytes, readonly Bytes[]>>();
  private size = 0;

  constructor(private readonly see: (mount: Mount, folder: readonly Bytes[]) => Promise<unknown>) {}

  async add(mount: Mount, folder: readonly Bytes[]): Promise<void> {
    const seen = this.folders.get(mount) ?? new Map<Bytes, readonly Bytes[]>();
    this.folders.set(mount, seen);
    const path = folder.join('/');
    if (seen.has(path)) return;
    seen.set(path, folder);
    this.size += 1;
    if (this.size >= MOST) await this.flush();
  }

  async flush(): Promise<void> {
    const some = [...this.folders];
    this.folders.clear();
    this.size = 0;
    for (const [mount, seen] of some) for (const folder of seen.values()) await this.see(mount, folder);
  }
}
