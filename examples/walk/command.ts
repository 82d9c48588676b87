import { Command, CommanderError } from '@commander-js/extra-typings';
import { readEnvFile, startLocal } from '../../local/index.js';
import type { Env } from '../demo/account.js';
import { leaveNothing } from './leave.js';

/** Ctrl-C, a supervisor's request, and the terminal's window being closed. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type Say = (line: string) => void;

/** What a command came to: the exit code, and what `--json` prints. */
export interface Done {
  readonly code: 0 | 1;
  readonly result: object;
}

export interface JobOptions {
  readonly stateDir: string;
  readonly say: Say;
  readonly signal: AbortSignal;
  /** Aborted by a second Ctrl-C: then nothing is tidied up any more. */
  readonly atOnce: AbortSignal;
}

export type Job = (options: JobOptions) => Promise<Done>;

/** How a walk-through is walked: in a local mode with a worker, until `signal` is aborted. */
export type Walk = (options: { readonly env: Env; readonly say: Say; readonly signal: AbortSignal }) => Promise<Done>;

export interface WalkCommand {
  /** How it is called. */
  readonly called: string;
  readonly description: string;
  /** What it does without a command. */
  readonly job: Job;
  /** Adds commands of its own; `choose` says what is done instead. */
  readonly more?: (program: Command, choose: (job: Job) => void) => void;
}

/** A program that walks through an example: see its --help. Answers with the exit code. */
export async function walkCommand(
  { called, description, job: walk, more }: WalkCommand,
  argv: readonly string[],
  out: Say,
  err: Say,
): Promise<number> {
  let job = walk;
  const program = new Command(called)
    .description(description)
    .option('--json', 'print one JSON object as the last line, and words for people on stderr', false)
    .option('--state-dir <folder>', 'of local mode', '.perennial')
    .allowExcessArguments(false)
    .action(() => void (job = walk))
    .exitOverride();
  more?.(program as unknown as Command, (chosen) => void (job = chosen));
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
  const { json, stateDir } = program.opts();
  const [abort, now] = [new AbortController(), new AbortController()];
  const stop = () => (abort.signal.aborted ? now : abort).abort(new Error('Interrupted.'));
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  try {
    const { code, result } = await job({
      ...{ stateDir, signal: abort.signal, atOnce: now.signal },
      say: json ? err : out,
    });
    if (json) out(JSON.stringify(result));
    return code;
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, stop);
  }
}

/** Walks in the local mode that runs, or in one that it starts and stops. One that is interrupted leaves no run and no endpoint of the model. */
export const walking =
  (model: string, walk: Walk): Job =>
  async ({ stateDir, say, signal, atOnce }) => {
    const tidily = async (env: Env) => {
      try {
        return await walk({ env, say, signal });
      } catch (error) {
        if (signal.aborted) await leaveNothing(model, { env, say, signal: atOnce });
        throw error;
      }
    };
    const running = await readEnvFile(stateDir);
    if (running) return tidily(running);
    say(`Starting local mode in ${stateDir}`);
    const stack = await startLocal({ stateDir, worker: true, signal, onProgress: say });
    try {
      return await tidily(stack.env);
    } finally {
      say('Stopping local mode');
      await stack.stop();
    }
  };
