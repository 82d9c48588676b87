import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquire } from '../lock.js';
import { packagePath } from '../paths.js';
import { findPython } from './python.js';

/** A set of pinned and hashed Python packages: `<name>.txt` beside this file. */
export type ToolSet = 'ministack' | 'temporal' | 'temporal-test-server' | 'boto3';

const PIP = '-m pip install --require-hashes --only-binary :all: --no-deps --no-compile --progress-bar off'.split(' ');

/** A set that lies elsewhere: an image brings its own. */
export interface PythonSet {
  readonly name: string;
  /** File of pinned and hashed requirements. */
  readonly requirements: string;
  /** What the installation is called: `Preparing the xgboost image`. */
  readonly doing: string;
}

export type Progress = (line: string) => void;

export interface InstalledSet {
  /** Holds the packages; programs they bring are under its `bin`. */
  readonly folder: string;
  /** An interpreter that sees nothing of the machine's own packages. */
  readonly python: string;
  /** Environment in which that interpreter sees the packages of `folder`. */
  readonly env: { readonly PYTHONPATH: string; readonly PYTHONNOUSERSITE: '1' };
}

/** Where tools are kept: `PERENNIAL_TOOLS_DIR`, else `.perennial/tools` of the package. */
export function toolsDir(env: NodeJS.ProcessEnv = process.env): string {
  return env.PERENNIAL_TOOLS_DIR || packagePath('.perennial', 'tools');
}

/** What an installation reads of the environment, for a process that gets nothing else of it. */
export function installerEnv(env: NodeJS.ProcessEnv = process.env): Record<string, string | undefined> {
  const read = /^(PERENNIAL_(TOOLS_DIR|PYTHON)|PIP_\w+|(https?|all|no)_proxy|SSL_CERT_(FILE|DIR))$/i;
  return Object.fromEntries(Object.entries(env).filter(([name]) => read.test(name)));
}

/** Whether a path names a file that may be run. */
export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

interface StepOptions {
  readonly onLine?: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** Runs a step of the installation; its last lines become the reason if it fails. */
async function step(what: string, program: string, args: string[], { onLine, signal }: StepOptions): Promise<void> {
  signal?.throwIfAborted();
  const child = spawn(program, args, {
    signal,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: '1' },
  });
  const last: string[] = [];
  let offline = false;
  createInterface(child.stdout).on('line', (line) => onLine?.(line));
  createInterface(child.stderr).on('line', (line) => {
    // pip tells a lost connection in long warnings, and in the end only that it found nothing.
    offline ||= /^WARNING: Retrying .* after connection broken/.test(line);
    if (!line.startsWith('WARNING: ') && last.push(line) > 6) last.shift();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => {
      // An abort is reported here too, but what it ended may take a moment to be gone.
      if (child.pid === undefined) reject(error);
    });
    child.once('close', resolve);
  });
  signal?.throwIfAborted();
  if (code === 0) return;
  const reason = `${offline ? 'no connection to the package index. ' : ''}${last.join(' ').trim() || 'no message'}`;
  throw new Error(`${what} failed (${program} ended with code ${code}): ${reason}`);
}

/** Two processes may want the same tools at the same moment: one installs, the other waits and finds them. */
async function alone<T>(
  lockFile: string,
  { say, signal }: { say: Progress; signal: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  for (let waited = 0; ; waited += 1) {
    const lock = await acquire(lockFile);
    if ('release' in lock) {
      try {
        return await work();
      } finally {
        await lock.release();
      }
    }
    if (waited % 40 === 0) say(`Waiting for process ${lock.owner.pid}, which is installing the same tools …`);
    await sleep(250, undefined, { signal });
  }
}

/** Makes a folder whole or not at all: `make` fills it under another name. */
async function make(folder: string, fill: (aside: string) => Promise<void>): Promise<void> {
  const aside = `${folder}.part`;
  await rm(aside, { recursive: true, force: true });
  try {
    await fill(aside);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
  await rm(folder, { recursive: true, force: true });
  await rename(aside, folder);
}

const environments = new Map<string, ReturnType<typeof makeEnvironment>>();

/** One environment a process and folder, however many sets ask for it at once. A failure is not remembered. */
function environment(base: string, say: Progress, signal: AbortSignal | undefined): ReturnType<typeof makeEnvironment> {
  const known = environments.get(base);
  if (known !== undefined) return known;
  const made = makeEnvironment(base, say, signal);
  environments.set(base, made);
  made.catch(() => environments.delete(base));
  return made;
}

/** An isolated interpreter with pip. Its folder may be renamed, as only `python -m` is ever used of it. */
async function makeEnvironment(
  base: string,
  say: Progress,
  signal: AbortSignal | undefined,
): Promise<{ program: string; tag: string }> {
  const python = await findPython();
  const tag = `py${python.version}-${createHash('sha256').update(python.program).digest('hex').slice(0, 8)}`;
  const folder = join(base, tag);
  const program = join(folder, 'bin', 'python');
  if (!existsSync(program)) {
    await alone(`${folder}.lock`, { say, signal }, async () => {
      // `existsSync` follows the link, so an environment whose Python was uninstalled is made again.
      if (existsSync(program)) return;
      say(`Preparing Python ${python.version} for the local services (once) …`);
      await make(folder, (aside) =>
        step('Making a Python environment', python.program, ['-m', 'venv', aside], { signal }),
      );
    });
  }
  return { program, tag };
}

function ownSet(name: ToolSet): PythonSet {
  return { name, requirements: packagePath('local', 'tools', `${name}.txt`), doing: `Installing ${name}` };
}

/**
 * Installs a set on first use; afterwards it only looks whether the folder is there. Safe to call from several processes at once.
 * @param signal ends an installation that is under way
 * @throws Error with a sentence if Python is missing or pip fails (no network, an unknown platform)
 */
export async function installed(
  set: ToolSet | PythonSet,
  say: Progress = () => undefined,
  signal?: AbortSignal,
): Promise<InstalledSet> {
  const base = toolsDir();
  const { name, requirements, doing } = typeof set === 'string' ? ownSet(set) : set;
  await mkdir(base, { recursive: true });
  const [text, { program, tag }] = await Promise.all([readFile(requirements, 'utf8'), environment(base, say, signal)]);
  // The name says what is inside, so another version of the project, or of Python, never finds the wrong one.
  const folder = join(base, `${name}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}-${tag}`);
  if (!existsSync(folder)) {
    await alone(`${folder}.lock`, { say, signal }, async () => {
      if (existsSync(folder)) return;
      const started = Date.now();
      say(`${doing} (once) …`);
      const tell = (line: string) => {
        const found = /^Collecting (\S+)/.exec(line)?.[1];
        if (found !== undefined) say(`  ${found}`);
      };
      await make(folder, (aside) =>
        step(doing, program, [...PIP, '--target', aside, '-r', requirements], { onLine: tell, signal }),
      );
      say(`${name} installed in ${((Date.now() - started) / 1000).toFixed(0)} s`);
    });
  }
  return { folder, python: program, env: { PYTHONPATH: folder, PYTHONNOUSERSITE: '1' } };
}
