import { Command, CommanderError } from '@commander-js/extra-typings';
import { readEnvFile, startLocal } from '../../local/index.js';
import { s3Client, type Env } from '../demo/account.js';
import { buildHousing } from './data.js';
import { linesOf, mdape, priceOf } from './rows.js';
import { prepareHousingAccount, uploadHousing } from './upload.js';
import { readHousingDefinition, readPredictions, walkThrough, type Observations } from './walk-through.js';

/** Ctrl-C, a supervisor's request, and the terminal's window being closed. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

type Say = (line: string) => void;
/** What a command came to: the exit code, and what `--json` prints. */
interface Done {
  readonly code: 0 | 1;
  readonly result: object;
}

interface JobOptions {
  readonly stateDir: string;
  readonly say: Say;
  readonly signal: AbortSignal;
}

type Job = (options: JobOptions) => Promise<Done>;

/** `node bin/housing.mjs [command]`: see --help. Answers with the exit code. */
export async function main(
  argv: readonly string[],
  out: Say = (line) => console.log(line),
  err: Say = (line) => console.error(line),
): Promise<number> {
  let job: Job = walk;
  const program = new Command('node bin/housing.mjs')
    .description(
      'Housing prices, from rows in a bucket to a deleted endpoint (examples/housing/README.md).\n' +
        'Without a command it walks through everything, in the local mode that runs, or else in one that it starts and stops.',
    )
    .option('--json', 'print one JSON object as the last line, and words for people on stderr', false)
    .option('--state-dir <folder>', 'of local mode', '.perennial')
    .allowExcessArguments(false)
    .action(() => void (job = walk))
    .exitOverride();
  program
    .command('upload')
    .description('only make bucket and key, and upload the rows')
    .action(() => void (job = upload));
  program
    .command('mdape')
    .description('only compute the MdAPE of a batch transform of the test rows')
    .argument('<uri>', 'the object with its answers')
    .action((uri) => void (job = (options) => score(uri, options)));
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
  const { json, stateDir } = program.opts();
  const say = json ? err : out;
  const abort = new AbortController();
  const stop = () =>
    abort.abort(new Error('Interrupted. The endpoint may be there still: npx perennial endpoint delete housing'));
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  try {
    const { code, result } = await job({ stateDir, say, signal: abort.signal });
    if (json) out(JSON.stringify(result));
    return code;
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, stop);
  }
}

const walk: Job = async ({ stateDir, say, signal }) => {
  const running = await readEnvFile(stateDir);
  if (running) return summary(await walkThrough({ env: running, say, signal }));
  say(`Starting local mode in ${stateDir}`);
  const stack = await startLocal({ stateDir, worker: true, signal, onProgress: say });
  try {
    return summary(await walkThrough({ env: stack.env, say, signal }));
  } finally {
    say('Stopping local mode');
    await stack.stop();
  }
};

const upload: Job = async ({ stateDir, say, signal }) => {
  const [env, definition] = await Promise.all([runningEnv(stateDir), readHousingDefinition()]);
  const s3 = s3Client(env);
  try {
    const split = await buildHousing(say, signal);
    const keyArn = await prepareHousingAccount(env, definition);
    const { objects, rowsUri, keys } = await uploadHousing(s3, definition, split, signal);
    say(
      `${keys.length} objects in s3://${definition.data.bucket}/, encrypted with ${keyArn}; rows to transform in ${rowsUri}`,
    );
    return { code: 0, result: { keyArn, objects, rowsUri, keys } };
  } finally {
    s3.destroy();
  }
};

async function score(uri: string, { stateDir, say, signal }: JobOptions): Promise<Done> {
  const s3 = s3Client(await runningEnv(stateDir));
  try {
    const { test } = await buildHousing(say, signal);
    const predictions = await readPredictions(s3, uri);
    const value = mdape(linesOf(test).map(priceOf), predictions);
    say(`MdAPE ${value} on ${predictions.length} sales`);
    return { code: 0, result: { mdape: value, rows: predictions.length } };
  } finally {
    s3.destroy();
  }
}

async function runningEnv(stateDir: string): Promise<Env> {
  const env = await readEnvFile(stateDir);
  if (!env) throw new Error(`No local mode runs in ${stateDir}: start it with \`npx perennial up --detach\`.`);
  return env;
}

/** The observations without the rows. It is a failure if anything had no key, or the endpoint is still there. */
function summary(seen: Observations): Done {
  const { predictions, ...transform } = seen.transform;
  const { keyArn, uploaded, run, invoked, keys, withoutKey, endpointGone } = seen;
  const { objects, rowsUri } = uploaded;
  return {
    code: withoutKey.length === 0 && endpointGone ? 0 : 1,
    result: {
      ...{ keyArn, objects, rowsUri, run, invoked },
      ...{ transform: { ...transform, rows: predictions.length }, keys, withoutKey, endpointGone },
    },
  };
}
