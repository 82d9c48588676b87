import { statfs } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from './tools/install.js';

/** Less than this is a full disk: a PostgreSQL that starts writes a segment of its log, and that alone is 16 MiB. */
const LEAST_BYTES = 32 * 1024 * 1024;
const LOOK_MS = 1_000;

async function isFull(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize < LEAST_BYTES;
}

/**
 * Waits until the disk that holds a folder has room again, and says so. To start on a full disk what died of it would only let it die again.
 * @param what what happened, for the sentence that is said
 * @param until ends the wait
 * @returns whether there was something to wait for
 */
export async function untilSpace(folder: string, say: Progress, what: string, until: () => boolean): Promise<boolean> {
  if (!(await isFull(folder))) return false;
  say(`${what}, and no space is left on the disk that holds ${folder}: free some, and it is started again.`);
  while (!until() && (await isFull(folder))) await sleep(LOOK_MS);
  return true;
}
