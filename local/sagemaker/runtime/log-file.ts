import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { timesFile, writeTimes } from './log-times.js';

/** A full log moves to `<file>.1`; one of those is kept, so a program's logs take twice this at most. */
const LARGEST_LOG = 8 * 1024 * 1024;
/** Logs of this many jobs of a kind are kept; the oldest go first. */
const KEPT_LOGS = 200;

export interface LogFile {
  write(chunk: Buffer): void;
  close(): void;
}

/**
 * Appends to a log file whose size is bounded, and notes the times. What can't be written (the disk is full) is lost,
 * since the program must not wait for it; `onLost` hears of it once.
 */
export function openLog(file: string, onLost: (error: unknown) => void): LogFile {
  mkdirSync(dirname(file), { recursive: true });
  let fd: number | undefined = openSync(file, 'a');
  let size = statSync(file).size;
  let times = writeTimes(file, 0);
  let lost = false;
  const moveOn = (): void => {
    const full = { fd: fd as number, times };
    renameSync(file, `${file}.1`);
    renameSync(timesFile(file), timesFile(`${file}.1`));
    fd = openSync(file, 'a');
    times = writeTimes(file, times.base + size);
    closeSync(full.fd);
    full.times.close();
    size = 0;
  };
  const append = (chunk: Buffer): void => {
    if (fd === undefined) return;
    if (size + chunk.length > LARGEST_LOG) moveOn();
    times.note(times.base + size);
    // Synchronous, so that whoever sees a program's end can read all it said.
    size += writeSync(fd, chunk);
  };
  return {
    write(chunk) {
      try {
        append(chunk);
      } catch (error) {
        if (!lost) onLost(error);
        lost = true;
      }
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      if (fd !== undefined) times.close();
      fd = undefined;
    },
  };
}

/** Keeps the newest of the folders in `root`, one a job. */
export async function pruneLogs(root: string): Promise<void> {
  mkdirSync(root, { recursive: true });
  const names = await readdir(root);
  if (names.length <= KEPT_LOGS) return;
  // Another job's end may have removed one meanwhile.
  const age = (name: string): number => statSync(join(root, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const folders = names.map((name) => ({ name, at: age(name) }));
  const surplus = folders.sort((a, b) => b.at - a.at).slice(KEPT_LOGS);
  await Promise.all(surplus.map(({ name }) => rm(join(root, name), { recursive: true, force: true })));
}
