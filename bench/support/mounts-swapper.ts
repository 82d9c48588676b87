import { renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, workerData } from 'node:worker_threads';

/** What the swapping thread is told, and what it shares: [swaps done, whether to end]. */
export interface Swapping {
  /** Folders below `mount` that are swapped for links to those of the same name below `outside`. */
  readonly mount: string;
  readonly outside: string;
  readonly names: readonly string[];
  readonly shared: SharedArrayBuffer;
}

/** A link stays for as long at the most, and so does a folder. */
const HELD_MS = 0.5;

/** Swaps folders for links and back until it is told to end. */
function swapAll({ mount, outside, names, shared }: Swapping): void {
  const state = new Int32Array(shared);
  for (let index = 0; Atomics.load(state, 1) === 0; index += 1) {
    const name = names[index % names.length] ?? '';
    const [place, aside] = [join(mount, name), join(`${mount}-set-aside`, name)];
    // Removed by who erases, as it was empty.
    if (!tried(() => renameSync(place, aside), 'ENOENT')) continue;
    // A folder made there meanwhile takes the place, by the mirror or to be erased.
    if (tried(() => symlinkSync(join(outside, name), place), 'EEXIST')) Atomics.add(state, 0, 1);
    // For a moment, in which some look is under way.
    Atomics.wait(state, 1, 0, Math.random() * HELD_MS);
    tried(() => unlinkSync(place), 'ENOENT', 'EISDIR');
    if (!tried(() => renameSync(aside, place), 'ENOTEMPTY', 'EEXIST', 'ENOENT')) rmSync(aside, { recursive: true });
    Atomics.wait(state, 1, 0, Math.random() * HELD_MS);
  }
}

/** Whether it could be done; throws for other reasons than these. */
function tried(work: () => void, ...reasons: readonly string[]): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (reasons.includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

if (!isMainThread) swapAll(workerData as Swapping);
