import { spawn, execFile } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { LocalStack } from '../../local/index.js';
import { compiled } from '../../local/paths.js';
import { freePort } from '../../local/ports.js';

/** A worker of a scenario's own, which nothing starts again. */
export interface WorkerProcess {
  /** SIGKILL; resolves once it is gone. */
  kill(): Promise<void>;
  /** Resident memory of the process, in MiB. */
  memoryMiB(): Promise<number>;
  /** Aborted once it has ended though nobody killed it; the reason is an error with the end of its log. */
  readonly lost: AbortSignal;
}

const READY_WITHIN_MS = 60_000;

/**
 * Starts the worker program beside a stack without one, and resolves once it polls, or at once with `wait: false`.
 * Its log is in the stack's folder. Throws if it ends instead.
 */
export async function startWorkerProcess(
  { env, logsDir }: Pick<LocalStack, 'env' | 'logsDir'>,
  own: Readonly<Record<string, string>>,
  { wait = true } = {},
): Promise<WorkerProcess> {
  // One that nobody waits for needs no port, which might be taken once it is up.
  const health = wait ? `127.0.0.1:${await freePort()}` : undefined;
  const logFile = join(logsDir, 'worker.log');
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, [compiled('worker/main')], {
    env: { ...process.env, ...env, ...own, WORKER_HEALTH_ADDRESS: health },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  await once(child, 'spawn');
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  let killed = false;
  const kill = async () => {
    killed = true;
    child.kill('SIGKILL');
    await gone;
  };
  /** The folder of the log goes with the scenario: what it says last is told. */
  const failed = async (how: string) => {
    const said = await readFile(logFile, 'utf8').catch(() => '');
    return new Error(`The worker ${how}. Its log ends with: ${said.trimEnd().split('\n').slice(-3).join('\n')}`);
  };
  const endedWith = () => `ended with ${child.exitCode ?? child.signalCode}`;
  const lost = new AbortController();
  void gone.then(async () => {
    if (!killed) lost.abort(await failed(endedWith()));
  });
  const deadline = Date.now() + READY_WITHIN_MS;
  while (health !== undefined && !(await answersAt(health))) {
    if (ended() || Date.now() > deadline) {
      const state = ended() ? endedWith() : 'did not poll';
      await kill();
      throw await failed(`${state} within ${READY_WITHIN_MS / 1_000} s of its start`);
    }
    await sleep(50);
  }
  return {
    kill,
    lost: lost.signal,
    async memoryMiB() {
      const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(child.pid)]);
      return Number(stdout) / 1_024;
    },
  };
}

async function answersAt(address: string): Promise<boolean> {
  try {
    return (await fetch(`http://${address}/health`)).ok;
  } catch {
    return false;
  }
}
