import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { identify, isRunning, ProcessId } from './processes.js';

export interface Lock {
  release(): Promise<void>;
}

async function readOwner(file: string): Promise<ProcessId | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = ProcessId.safeParse(tryJson(text));
  return parsed.success ? parsed.data : undefined;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The live process that holds the lock, if any. A lock whose process is gone, or that cannot be read, is held by nobody. */
export async function lockOwner(file: string): Promise<ProcessId | undefined> {
  const owner = await readOwner(file);
  return owner !== undefined && (await isRunning(owner)) ? owner : undefined;
}

/**
 * Takes a lock file that names this process. What a dead process left behind is taken over.
 * @returns the lock, or the live process that holds it
 */
export async function acquire(file: string): Promise<Lock | { owner: ProcessId }> {
  const self = await identify();
  if (self === undefined)
    throw new Error(`Cannot tell when process ${process.pid} started, so ${file} cannot be locked.`);
  await mkdir(dirname(file), { recursive: true });
  // A link appears whole or not at all, so nobody reads a lock that is half written.
  const aside = `${file}.${process.pid}.${randomUUID()}`;
  await writeFile(aside, JSON.stringify(self), { mode: 0o600 });
  try {
    for (;;) {
      const taken = await link(aside, file).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false;
          throw error;
        },
      );
      if (taken) return { release: () => rm(file, { force: true }) };
      const owner = await lockOwner(file);
      if (owner !== undefined) return { owner };
      await rm(file, { force: true });
    }
  } finally {
    await rm(aside, { force: true });
  }
}
