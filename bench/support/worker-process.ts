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
  const health = `127.0.0.1:${await freePort()}`;
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
  const kill = async () => {
    child.kill('SIGKILL');
    await gone;
  };
  const deadline = Date.now() + READY_WITHIN_MS;
  while (wait && !(await answersAt(health))) {
    if (ended() || Date.now() > deadline) {
      const state = ended() ? `ended with ${child.exitCode ?? child.signalCode}` : 'did not poll';
      await kill();
      // The folder goes with the scenario: what the log says last is told here.
      const said = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-3).join('\n');
      throw new Error(
        `The worker ${state} within ${READY_WITHIN_MS / 1_000} s of its start. Its log ends with: ${said}`,
      );
    }
    await sleep(50);
  }
  return {
    kill,
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
