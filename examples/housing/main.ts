import { readEnvFile } from '../../local/index.js';
import { s3Client, type Env } from '../demo/account.js';
import { walkCommand, walking, type Done, type Job, type JobOptions, type Say } from '../walk/command.js';
import { linesOf, mdape, priceOf } from '../walk/rows.js';
import { buildHousing } from './data.js';
import { prepareHousingAccount, uploadHousing } from './upload.js';
import { readHousingDefinition, readPredictions, walkThrough, type Observations } from './walk-through.js';

/** `node bin/housing.mjs [command]`: see --help. Answers with the exit code. */
export const main = (
  argv: readonly string[],
  out: Say = (line) => console.log(line),
  err: Say = (line) => console.error(line),
): Promise<number> =>
  walkCommand(
    {
      called: 'node bin/housing.mjs',
      description:
        'Housing prices, from rows in a bucket to a deleted endpoint (examples/housing/README.md).\n' +
        'Without a command it walks through everything, in the local mode that runs, or else in one that it starts and stops.',
      job: walking('housing', async (options) => summary(await walkThrough(options))),
      more(program, choose) {
        program
          .command('upload')
          .description('only make bucket and key, and upload the rows')
          .action(() => choose(upload));
        program
          .command('mdape')
          .description('only compute the MdAPE of a batch transform of the test rows')
          .argument('<uri>', 'the object with its answers')
          .action((uri) => choose((options) => score(uri, options)));
      },
    },
    argv,
    out,
    err,
  );

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
