import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);

/** A process, told apart from a later one that got the same pid by the moment it started. */
export const ProcessId = z.object({ pid: z.number().int().positive(), started: z.string() });
export type ProcessId = z.infer<typeof ProcessId>;

const errorCode = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** When the process started, as a token that is only ever compared; undefined if there is no such process. */
export async function startTime(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    // The name, in brackets, may hold anything: count from its end. Field 3 is the state, field 22 the start in ticks since boot.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields === undefined || fields[0] === 'Z' ? undefined : fields[19];
  }
  const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)], { env: { LC_ALL: 'C' } }).catch(() => ({
    stdout: '',
  }));
  return stdout.trim() || undefined;
}

/** Processor time of a process so far, in ticks that are only ever compared; undefined where the system doesn't tell. */
export async function processorTime(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Fields 14 and 15: in user and in kernel mode.
  return fields === undefined ? undefined : Number(fields[11]) + Number(fields[12]);
}

/** The identity of a process that runs, by default this one. */
export async function identify(pid: number = process.pid): Promise<ProcessId | undefined> {
  const started = await startTime(pid);
  return started === undefined ? undefined : { pid, started };
}

export async function isRunning(id: ProcessId): Promise<boolean> {
  return (await startTime(id.pid)) === id.started;
}

/** Sends a signal to a process or, with a negative pid, to its group; false if it is gone. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return false;
    throw error;
  }
}

/** Waits until the process is gone; false if it still runs after `withinMs`. */
export async function waitUntilGone(id: ProcessId, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (await isRunning(id)) {
    if (performance.now() >= deadline) return false;
    await sleep(25);
  }
  return true;
}

/**
 * Stops a process that may be nobody's child any more: politely, then SIGKILL to its group.
 * @returns how it ended; `gone` if it was not there (or its pid is somebody else's by now)
 */
export async function stopProcess(
  id: ProcessId,
  withinMs: number,
  polite: NodeJS.Signals = 'SIGTERM',
): Promise<'gone' | 'stopped' | 'killed'> {
  if (!(await isRunning(id))) return 'gone';
  signal(id.pid, polite);
  if (await waitUntilGone(id, withinMs)) return 'stopped';
  // Every service leads a group of its own, so its helpers go with it.
  if (!signal(-id.pid, 'SIGKILL')) signal(id.pid, 'SIGKILL');
  await waitUntilGone(id, 5_000);
  return 'killed';
}
