import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { main } from '../../client/cli.js';
import type { Terminal } from '../../client/terminal.js';

/** A folder with these files, gone after the test. */
export async function temporaryFolder(texts: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-client-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [file, text] of Object.entries(texts)) await writeFile(join(folder, file), text);
  return folder;
}

export interface Called {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** The one JSON value on stdout. */
  json<T>(): T;
}

/** Runs the command line in this process, as a program would that is no terminal. */
export async function call(
  env: NodeJS.ProcessEnv,
  argv: readonly string[],
  options: { stdin?: string; interruptWhen?: (err: string) => boolean; terminal?: Partial<Terminal> } = {},
): Promise<Called> {
  let out = '';
  let err = '';
  const interrupts = new Set<() => void>();
  const terminal: Terminal = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
      if (options.interruptWhen?.(err)) for (const callback of [...interrupts]) callback();
    },
    outIsTty: false,
    errIsTty: false,
    inIsTty: false,
    readAll: async () => options.stdin ?? '',
    readBytes: async function* () {
      yield Buffer.from(options.stdin ?? '');
    },
    ask: async () => '',
    env,
    cwd: tmpdir(),
    onInterrupt: (callback) => {
      interrupts.add(callback);
      return () => void interrupts.delete(callback);
    },
    ...options.terminal,
  };
  const code = await main([...argv], terminal);
  return { code, out, err, json: <T>() => JSON.parse(out) as T };
}
