import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../../engine/engine.js';
import { EngineError } from '../../../engine/errors.js';
import type { Exit, RunningContainer } from '../context.js';
import { startProcess, withCleanUp } from '../runtime/process.js';

/** Pause before a container that does not run yet is told to end once more. */
const AGAIN_MS = 100;

export interface Output {
  readonly logFile: string;
  readonly onLogLost: (error: unknown) => void;
  readonly onLine?: ((line: string) => void) | undefined;
}

/** Starts a container that was created and follows its output to its end, which is only told once `cleanUp`, which must not fail, is through. */
export async function startContainer(
  engine: Engine,
  name: string,
  { output, cleanUp }: { readonly output: Output; readonly cleanUp: () => Promise<void> },
): Promise<RunningContainer> {
  const attached = await startProcess({
    argv: [engine.name, 'start', '--attach', name],
    env: defined(engine.env),
    cwd: '/',
    ...output,
  });
  const ended = withCleanUp(attached, cleanUp);
  return { ...ended, stop: (graceMs) => stop(engine, name, ended.exited, graceMs) };
}

/** SIGTERM to the program, SIGKILL after `graceMs`, as the platform does. */
async function stop(engine: Engine, name: string, exited: Promise<Exit>, graceMs: number): Promise<Exit> {
  const over = new AbortController();
  const gone = exited.then(() => over.abort());
  const deadline = Date.now() + graceMs;
  if (graceMs > 0) {
    await signalled(engine, name, 'TERM', over.signal, deadline);
    await Promise.race([
      gone,
      sleep(Math.max(deadline - Date.now(), 0), undefined, { signal: over.signal }).catch(() => undefined),
    ]);
  }
  await signalled(engine, name, 'KILL', over.signal);
  return exited;
}

/** Signals it, once it runs; gives up when it has ended, or at the deadline. */
async function signalled(
  engine: Engine,
  name: string,
  signal: 'TERM' | 'KILL',
  over: AbortSignal,
  deadline = Infinity,
): Promise<void> {
  while (!over.aborted && Date.now() < deadline) {
    try {
      await engine.run(['kill', '--signal', signal, name]);
      return;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      // Not started yet, or ended meanwhile.
      await sleep(AGAIN_MS, undefined, { signal: over }).catch(() => undefined);
    }
  }
}

/** Removes a container whether it runs or not. One that is gone is no error. */
export async function removeContainer(engine: Engine, name: string): Promise<void> {
  await engine.run(['rm', '--force', '--volumes', name]).catch((error: unknown) => {
    if (!(error instanceof EngineError && error.isNotFound)) throw error;
  });
}

function defined(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
