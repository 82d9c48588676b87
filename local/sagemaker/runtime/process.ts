import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exit, RunningContainer } from '../context.js';
import { openLog } from './log-file.js';
import { signalGroup } from './registry.js';

/** Characters of a line that a reader gets: output may have no line ends, and metrics' expressions are slow on long text. */
const LONGEST_LINE = 4096;
/** How long output is still read after a program's end. */
const PIPES_MS = 1_000;

export interface ProcessSpec {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly logFile: string;
  /** Output could not be written to the log file. */
  readonly onLogLost: (error: unknown) => void;
  readonly onLine?: (line: string) => void;
  /** The command writes to descriptor 3 once its program can take signals; SIGTERM waits for it. */
  readonly announces?: boolean;
}

/** Starts a program as the leader of its own process group. Rejects if it can't be started at all. */
export async function startProcess(spec: ProcessSpec): Promise<RunningContainer> {
  const [command, ...args] = spec.argv;
  const log = openLog(spec.logFile, spec.onLogLost);
  const child = spawn(command as string, args, {
    cwd: spec.cwd,
    env: { ...spec.env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', spec.announces ? 'pipe' : 'ignore'],
  }) as ChildProcessByStdio<null, Readable, Readable>;
  const exited = new Promise<Exit>((resolve) => {
    // Whatever the leader left behind in its group ends with it, and lets go of the pipes: only then comes `close`.
    child.once('exit', () => {
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      // What left the group may hold on to the pipes for good; nobody waits for it.
      setTimeout(() => [child.stdout, child.stderr].forEach((stream) => stream.destroy()), PIPES_MS).unref();
    });
    child.once('close', (code, signal) => {
      log.close();
      resolve({ code, signal });
    });
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => log.write(chunk));
    if (spec.onLine) readLines(stream, spec.onLine);
  }
  const announcement = child.stdio[3];
  const ready = new Promise<void>((resolve) => {
    if (announcement) announcement.once('data', () => resolve());
    else resolve();
  });
  await once(child, 'spawn');
  const pid = child.pid as number;
  let over = false;
  void exited.then(() => (over = true));
  // Once it is over, its number may be someone else's.
  return {
    pid,
    ended: exited,
    exited,
    stop: (graceMs) => (over ? exited : stopGroup({ pid, ready, exited }, graceMs)),
  };
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

/** Tells the head of every line that isn't empty, whichever way it ends. */
function readLines(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const take = (text: string): void => {
    const lines = (rest + text).split(/[\r\n]+/).map((line) => line.slice(0, LONGEST_LINE));
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onLine(line);
  };
  stream.on('data', (chunk: Buffer) => take(decoder.write(chunk)));
  stream.once('end', () => take(`${decoder.end()}\n`));
}

async function stopGroup(
  { pid, ready, exited }: { pid: number; ready: Promise<void>; exited: Promise<Exit> },
  graceMs: number,
): Promise<Exit> {
  const patience = new AbortController();
  const late = sleep(graceMs, 'late', { signal: patience.signal }).catch(() => 'in time');
  // Before its program runs, the command would swallow the signal, and the grace would pass for nothing.
  await Promise.race([ready, exited, late]);
  signalGroup(pid, 'SIGTERM');
  if ((await Promise.race([exited, late])) === 'late') signalGroup(pid, 'SIGKILL');
  patience.abort();
  return exited;
}
