import type { CopiesErased } from '../../contracts/purge/index.js';
import type { Mirror } from '../../contracts/storage/index.js';
import { Conflicts } from './conflicts.js';

/** Counts of an activity as a heartbeat carries them to its next attempt: what is gone by then can't be counted again. */
interface Carried {
  /** Files and bytes by the mount's path, which the storage file declares. */
  readonly mounts: Readonly<Record<string, readonly [number, number]>>;
  readonly links: number;
}

/** What was found or erased on mounts. */
export class Tally {
  readonly conflicts: Conflicts;
  private readonly mounts = new Map<string, [number, number]>();

  constructor(carried?: unknown) {
    const { mounts = {}, links = 0 } = (carried ?? {}) as Partial<Carried>;
    for (const [path, [files, bytes]] of Object.entries(mounts)) this.mounts.set(path, [files, bytes]);
    this.conflicts = new Conflicts(links > 0 ? { 'file with other links': links } : {});
  }

  add({ path }: Mirror, size: bigint): void {
    const [files, bytes] = this.mounts.get(path) ?? [0, 0];
    this.mounts.set(path, [files + 1, bytes + Number(size)]);
  }

  carried(): Carried {
    return { mounts: Object.fromEntries(this.mounts), links: this.conflicts.counts['file with other links'] ?? 0 };
  }

  /** The answer of what was broken off, with the mounts on which something was counted. */
  partial(mirrors: readonly Mirror[]): CopiesErased {
    return this.result(mirrors.filter(({ path }) => this.mounts.has(path)));
  }

  /** The answer, with the mounts that were looked at. */
  result(mirrors: readonly Mirror[]): CopiesErased {
    const counts = [...this.mounts.values()];
    return {
      files: counts.reduce((sum, [files]) => sum + files, 0),
      bytes: counts.reduce((sum, [, bytes]) => sum + bytes, 0),
      mounts: mirrors.map(({ path, fileSystem, backups }) => ({
        path,
        ...(fileSystem !== undefined && { fileSystem }),
        backups,
        files: this.mounts.get(path)?.[0] ?? 0,
      })),
      conflicts: this.conflicts.counts,
    };
  }
}
