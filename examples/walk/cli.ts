import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { packagePath } from '../../local/paths.js';
import type { Env } from '../demo/account.js';

export interface CliOptions {
  readonly env: Env;
  /** Receives the command itself, then its words for people as they come. */
  readonly say: (line: string) => void;
  /** Aborting it is Ctrl-C to the command. */
  readonly signal?: AbortSignal;
}

/**
 * `npx perennial <args> --json` as a person runs it: a process of its own, with local mode's environment.
 *
 * @returns what it printed
 * @throws Error with the command and what it said, unless it ended with code 0
 */
export async function npxPerennial<T>(args: readonly string[], { env, say, signal }: CliOptions): Promise<T> {
  signal?.throwIfAborted();
  const command = `npx perennial ${args.map(quoted).join(' ')}`;
  say(`$ ${command}`);
  const child = spawn(process.execPath, [packagePath('bin', 'perennial.mjs'), ...args, '--json'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const interrupt = () => void child.kill('SIGINT');
  signal?.addEventListener('abort', interrupt, { once: true });
  const said: string[] = [];
  createInterface(child.stderr).on('line', (line) => {
    said.push(line);
    say(line);
  });
  try {
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const [printed, code] = await Promise.all([text(child.stdout), ended]);
    signal?.throwIfAborted();
    if (code !== 0) throw new Error(`${command} ended with code ${code}: ${printed.trim() || said.join('\n')}`);
    return JSON.parse(printed) as T;
  } finally {
    signal?.removeEventListener('abort', interrupt);
  }
}

const quoted = (arg: string) => (/[\s\\]/.test(arg) ? `'${arg}'` : arg);
