import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exit, RunningContainer } from '../context.js';
import { openLog } from './log-file.js';
import { signalGroup } from './registry.js';

export interface ProcessSpec {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly logFile: string;
  readonly onLine?: (line: string) => void;
}

/** Starts a program as the leader of its own process group. Rejects if it can't be started at all. */
export async function startProcess(spec: ProcessSpec): Promise<RunningContainer> {
  const [command, ...args] = spec.argv;
  const child = spawn(command as string, args, {
    cwd: spec.cwd,
    env: { ...spec.env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = openLog(spec.logFile);
  const exited = new Promise<Exit>((resolve) => {
    // Whatever the leader left behind in its group ends with it, and lets go of the pipes: only then comes `close`.
    child.once('exit', () => child.pid !== undefined && signalGroup(child.pid, 'SIGKILL'));
    child.once('close', (code, signal) => {
      log.close();
      resolve({ code, signal });
    });
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => log.write(chunk));
    if (spec.onLine) readLines(stream, spec.onLine);
  }
  await once(child, 'spawn');
  const pid = child.pid as number;
  let over = false;
  void exited.then(() => (over = true));
  // Once it is over, its number may be someone else's.
  return { pid, exited, stop: (graceMs) => (over ? exited : stopGroup(pid, exited, graceMs)) };
}

/** The same container, whose end is only told once `cleanUp` is through. */
export function withCleanUp(container: RunningContainer, cleanUp: () => Promise<void>): RunningContainer {
  const exited = container.exited.then(async (exit) => {
    await cleanUp();
    return exit;
  });
  const stop = async (graceMs: number): Promise<Exit> => {
    await container.stop(graceMs);
    return exited;
  };
  return { ...container, exited, stop };
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', onLine);
}

async function stopGroup(pid: number, exited: Promise<Exit>, graceMs: number): Promise<Exit> {
  signalGroup(pid, 'SIGTERM');
  const patience = new AbortController();
  const late = sleep(graceMs, 'late', { signal: patience.signal }).catch(() => 'in time');
  if ((await Promise.race([exited, late])) === 'late') signalGroup(pid, 'SIGKILL');
  patience.abort();
  return exited;
}
