import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../../../engine/engine.js';
import { labelled } from './arguments.js';
import type { Locate } from './volume.js';

/**
 * Gives what a program wrote to the one who runs the server: a container's root may be the machine's, whose files
 * nobody else can read or remove. `image` is any that has `chown`; the program's own is at hand.
 */
export async function takeOwnership(
  engine: Engine,
  folder: string,
  { image, labels, locate }: { readonly image: string; readonly labels: readonly string[]; readonly locate: Locate },
): Promise<void> {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  // Root can read and remove everything.
  if (uid === undefined || uid === 0 || !(await holdsOthers(folder, uid))) return;
  await engine.run([
    ...['run', '--rm', ...labelled(labels), '--pull', 'never', '--network', 'none', '--user', '0:0'],
    ...['--security-opt', 'label=disable', '--mount', `type=bind,source=${locate(folder)},target=/opt/ml`],
    ...['--entrypoint', 'chown', image, '-R', '-h', `${uid}:${gid}`, '/opt/ml'],
  ]);
}

/** Whether anything in a folder belongs to another, or can't be looked at, which is the same. */
async function holdsOthers(folder: string, uid: number): Promise<boolean> {
  try {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if ((await lstat(path)).uid !== uid) return true;
      if (entry.isDirectory() && (await holdsOthers(path, uid))) return true;
    }
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return true;
    throw error;
  }
}
