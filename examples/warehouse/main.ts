import { Command, CommanderError } from '@commander-js/extra-typings';
import { readEnvFile, startLocal } from '../../local/index.js';
import { walkThrough, type Observations } from './walk-through.js';

/** Ctrl-C, a supervisor's request, and the terminal's window being closed. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

type Say = (line: string) => void;

interface WalkOptions {
  readonly stateDir: string;
  readonly say: Say;
  readonly signal: AbortSignal;
}

/** `npm run example:warehouse`, `node bin/warehouse.mjs`: see --help. Answers with the exit code. */
export async function main(
  argv: readonly string[],
  out: Say = (line) => console.log(line),
  err: Say = (line) => console.error(line),
): Promise<number> {
  const program = new Command('npm run example:warehouse --')
    .description(
      'Ticket sales, from raw objects by way of a warehouse to a deleted endpoint (examples/warehouse/README.md).\n' +
        'Uses the local mode that runs, or else one that it starts and stops.',
    )
    .option('--json', 'print one JSON object as the last line, and words for people on stderr', false)
    .option('--state-dir <folder>', 'of local mode', '.perennial')
    .allowExcessArguments(false)
    .exitOverride();
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
  const { json, stateDir } = program.opts();
  const abort = new AbortController();
  const stop = () =>
    abort.abort(new Error('Interrupted. The endpoint may be there still: npx perennial endpoint delete warehouse'));
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  try {
    const seen = await walk({ stateDir, say: json ? err : out, signal: abort.signal });
    if (json) out(JSON.stringify(summary(seen)));
    return isWell(seen) ? 0 : 1;
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, stop);
  }
}

async function walk({ stateDir, say, signal }: WalkOptions): Promise<Observations> {
  const running = await readEnvFile(stateDir);
  if (running) return walkThrough({ env: running, say, signal });
  say(`Starting local mode in ${stateDir}`);
  const stack = await startLocal({ stateDir, worker: true, signal, onProgress: say });
  try {
    return await walkThrough({ env: stack.env, say, signal });
  } finally {
    say('Stopping local mode');
    await stack.stop();
  }
}

const isWell = ({ mdape, naiveMdape, again, endpointGone }: Observations) =>
  mdape < naiveMdape && again.outcome === 'NoNewData' && endpointGone;

/** The observations without the rows. */
function summary({ warehouse, definition: _, ...seen }: Observations): object {
  const events = { train: warehouse.train.length, test: warehouse.test.length };
  return { events, ...seen };
}
