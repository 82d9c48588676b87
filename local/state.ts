import { existsSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { writeAtomically } from './files.js';
import { type PortName, portNames } from './ports.js';
import { ProcessId } from './processes.js';
import { type ServiceName, serviceNames } from './services/service.js';
import type { Progress } from './tools/install.js';

const port = z.number().int().min(1).max(65_535);
const State = z.object({
  version: z.literal(1),
  ports: z.partialRecord(z.enum(portNames as [PortName, ...PortName[]]), port),
  /** Processes that were started and not seen to end cleanly. */
  children: z.partialRecord(z.enum(serviceNames), ProcessId),
});

/** What a start leaves for the next one, in `local.json`. */
export type State = z.infer<typeof State>;

const fileOf = (stateDir: string): string => join(stateDir, 'local.json');
export const lockFileOf = (stateDir: string): string => join(stateDir, 'lock');
export const envFileOf = (stateDir: string): string => join(stateDir, 'env');
export const logsDirOf = (stateDir: string): string => join(stateDir, 'logs');

/** The state of the folder. An unreadable one is put aside with a notice: it holds nothing but ports and process ids. */
export async function readState(stateDir: string, say: Progress): Promise<State> {
  const empty: State = { version: 1, ports: {}, children: {} };
  const file = fileOf(stateDir);
  if (!existsSync(file)) return empty;
  try {
    return State.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    const aside = `${file}.broken`;
    await rename(file, aside);
    say(
      `${file} could not be read and was moved to ${aside}; ports are chosen anew. Should services of an earlier start still run, stop them by hand.`,
    );
    return empty;
  }
}

/** Keeps `local.json` in step; writes follow one another. */
export class StateFile {
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly stateDir: string,
    private state: State,
  ) {}

  get children(): State['children'] {
    return this.state.children;
  }

  setPorts(ports: State['ports']): Promise<void> {
    return this.write({ ...this.state, ports: { ...this.state.ports, ...ports } });
  }

  setChild(name: ServiceName, id: ProcessId | undefined): Promise<void> {
    const children = { ...this.state.children };
    if (id === undefined) delete children[name];
    else children[name] = id;
    return this.write({ ...this.state, children });
  }

  private write(state: State): Promise<void> {
    this.state = state;
    const write = () => writeAtomically(fileOf(this.stateDir), `${JSON.stringify(state, null, 2)}\n`);
    // One that failed, on a full disk, is no reason not to try the next.
    this.writing = this.writing.then(write, write);
    return this.writing;
  }
}

/** The stack's environment in the form that shells and `node --env-file` read. */
export async function writeEnvFile(stateDir: string, env: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
  await writeAtomically(envFileOf(stateDir), `${lines.join('\n')}\n`);
}

/** The environment of the local mode that runs in this folder, or undefined if none does. */
export async function readEnvFile(stateDir: string): Promise<Record<string, string> | undefined> {
  const text = await readFile(envFileOf(stateDir), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  return parseEnv(text) as Record<string, string>;
}
