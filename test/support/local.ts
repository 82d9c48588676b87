import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { startTime } from '../../local/processes.js';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A folder that is removed after the test. Other users may enter it: started by root, PostgreSQL runs as one. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-local-'));
  await chmod(folder, 0o755);
  folders.push(folder);
  return folder;
}

/** Whether a process with this pid runs. One that ended and that nobody has waited for yet does not. */
export async function exists(pid: number | undefined): Promise<boolean> {
  return pid !== undefined && (await startTime(pid)) !== undefined;
}

/** Waits until a condition holds; fails the test after `withinMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 15_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(20);
  }
}
