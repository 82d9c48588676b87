import { fork } from 'node:child_process';
import { statSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeStateDir } from './files.js';
import { stopLeftovers } from './leftovers.js';
import { acquire, lockOwner } from './lock.js';
import { AlreadyRunning, type StartOptions } from './options.js';
import { compiled } from './paths.js';
import { identify, stopProcess } from './processes.js';
import type { LocalStack } from './stack.js';
import { envFileOf, lockFileOf, logsDirOf, readState, StateFile } from './state.js';
import type { Progress } from './tools/install.js';

/** What the process in the background tells the one that started it. */
export type DetachedMessage =
  | { readonly type: 'progress'; readonly line: string }
  | { readonly type: 'ready'; readonly env: LocalStack['env']; readonly urls: LocalStack['urls'] }
  | { readonly type: 'failed'; readonly message: string };

export type DetachedOptions = Omit<StartOptions, 'onProgress' | 'signal'> & { readonly onProgress?: Progress };

export interface DetachedStack {
  /** The supervisor's. */
  readonly pid: number;
  readonly env: LocalStack['env'];
  readonly urls: LocalStack['urls'];
  readonly logsDir: string;
}

/**
 * Starts local mode in a process of its own, which stays when this one ends; `stopLocal` ends it.
 * @throws Error with the same sentences as startLocal
 */
export async function startDetached({ onProgress, ...options }: DetachedOptions): Promise<DetachedStack> {
  const stateDir = resolve(options.stateDir);
  const logsDir = logsDirOf(stateDir);
  await makeStateDir(logsDir);
  const logFile = join(logsDir, 'supervisor.log');
  const log = await open(logFile, 'a', 0o600);
  const child = fork(compiled('local/main'), [JSON.stringify({ ...options, stateDir })], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
  });
  await log.close();
  try {
    return await new Promise<DetachedStack>((done, fail) => {
      child.once('error', fail);
      child.once('exit', (code, signal) =>
        fail(new Error(`The supervisor ended (${signal ?? `code ${code}`}) before it was ready. See ${logFile}.`)),
      );
      child.on('message', (message: DetachedMessage) => {
        if (message.type === 'progress') onProgress?.(message.line);
        else if (message.type === 'failed') fail(new Error(message.message));
        else done({ pid: child.pid ?? 0, env: message.env, urls: message.urls, logsDir });
      });
    });
  } finally {
    child.removeAllListeners();
    if (child.connected) child.disconnect();
    child.unref();
  }
}

export interface Stopped {
  /** `leftovers`: the supervisor was gone already and had left services behind. */
  readonly was: 'running' | 'leftovers' | 'not running';
  /** The supervisor's, if it ran. */
  readonly pid?: number;
  /** Services that were stopped without their supervisor. */
  readonly services: readonly string[];
}

/** Longer than all services together may take. */
const STOP_WITHIN_MS = 90_000;

/** What a killed supervisor left: services, and the file that leads commands to them. Locked, so that no start gets in between. */
async function clear(stateDir: string, say: Progress): Promise<string[]> {
  const lock = await acquire(lockFileOf(stateDir));
  if ('owner' in lock) throw new AlreadyRunning(lock.owner.pid, stateDir);
  try {
    const services = await stopLeftovers(new StateFile(stateDir, await readState(stateDir, say)));
    await rm(envFileOf(stateDir), { force: true });
    return services;
  } finally {
    await lock.release();
  }
}

/** Ends local mode in a folder, whoever started it; resolves once no process of it is left. */
export async function stopLocal(dir: string, say: Progress = () => undefined): Promise<Stopped> {
  const stateDir = resolve(dir);
  const owner = await lockOwner(lockFileOf(stateDir));
  if (owner !== undefined) {
    if (owner.pid === (await identify())?.pid)
      throw new Error('This process runs local mode itself: call stop() of what startLocal returned.');
    const how = await stopProcess(owner, STOP_WITHIN_MS);
    if (how === 'killed') say(`Process ${owner.pid} did not end within ${STOP_WITHIN_MS / 1000} s and was killed.`);
  }
  const services = statSync(stateDir, { throwIfNoEntry: false })?.isDirectory() ? await clear(stateDir, say) : [];
  if (owner !== undefined) return { was: 'running', pid: owner.pid, services };
  return { was: services.length > 0 ? 'leftovers' : 'not running', services };
}
