import { main as perennialMain } from '../../client/cli.js';
import type { Env } from './account.js';

export interface CliAnswer {
  readonly code: number;
  /** What the command printed with `--json`; undefined if it printed nothing. */
  readonly value: unknown;
  /** What it said beside that: progress, warnings, the reason of a refusal. */
  readonly said: string;
}

export interface CliOptions {
  readonly env: Env;
  /** Receives its words for people as they come. */
  readonly onSay?: (text: string) => void;
  /** Aborting it is Ctrl-C to the command. */
  readonly signal?: AbortSignal;
}

/** Runs `perennial <args> --json` in this process, with an environment of its own. */
export async function perennial(args: readonly string[], { env, onSay, signal }: CliOptions): Promise<CliAnswer> {
  let [printed, said] = ['', ''];
  const code = await perennialMain([...args, '--json'], {
    out: (text) => void (printed += text),
    err: (text) => {
      said += text;
      onSay?.(text);
    },
    outIsTty: false,
    errIsTty: false,
    inIsTty: false,
    readAll: () => Promise.resolve(''),
    readBytes: async function* () {},
    ask: (question) => Promise.reject(new Error(`perennial asked "${question}" where nobody could answer`)),
    env: { ...process.env, ...env },
    cwd: process.cwd(),
    onInterrupt(callback) {
      signal?.addEventListener('abort', callback, { once: true });
      return () => signal?.removeEventListener('abort', callback);
    },
  });
  return { code, value: printed.trim() === '' ? undefined : JSON.parse(printed), said };
}

/** The same, where anything but success is an error with the command's own words. */
export async function perennialOk(args: readonly string[], options: CliOptions): Promise<unknown> {
  const { code, value, said } = await perennial(args, options);
  if (code !== 0) throw new Error(`perennial ${args.join(' ')} ended with code ${code}: ${said.trim()}`);
  return value;
}
