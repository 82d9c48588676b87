import type { Definition } from '../../contracts/definition/index.js';
import { compactTime } from '../../contracts/names.js';
import { packagePath } from '../../local/paths.js';
import { s3Client, sagemakerClient } from '../demo/account.js';
import {
  cliOf,
  deletedEndpoint,
  deployedRun,
  dollars,
  invokedRows,
  percent,
  prepareAccountOf,
  readDefinition,
  type Followed,
  type Shown,
  type WalkThroughOptions,
} from '../walk/model.js';
import { linesOf, mdape, priceOf } from '../walk/rows.js';
import { AS_OF, buildWarehouse, type EventRow, type Warehouse } from './data.js';
import { uploadWarehouse } from './upload.js';
import { statementsOf, topEvents, type LoggedStatement, type TopEvent } from './warehouse.js';

const MODEL_FILE = 'examples/warehouse/model.yaml';

/** All that was seen. Prices and predictions in US dollars, MdAPE as a share. */
export interface Observations {
  readonly definition: Definition;
  readonly warehouse: Warehouse;
  readonly uploaded: { readonly raw: number; readonly heldBack: number };
  readonly run: Shown;
  /** COPY, UNLOAD and all else that the run had the warehouse do, in order. */
  readonly statements: readonly LoggedStatement[];
  /** Of the run's model, and of whoever always guesses the median of the events that it learned from. */
  readonly mdape: number;
  readonly naiveMdape: number;
  readonly top: readonly TopEvent[];
  /** The endpoint's answers for the first held-back events. */
  readonly invoked: readonly number[];
  /** How a second run on the same date ended. */
  readonly again: Followed;
  /** Whether SageMaker knows the endpoint no more. */
  readonly endpointGone: boolean;
}

/**
 * From raw objects by way of the warehouse to a served model: upload, apply, run, what the warehouse was asked, the report of its best events,
 * the endpoint asked and deleted. May be walked again.
 *
 * @throws Error with the command's own words where a step doesn't end as it should
 */
export async function walkThrough(options: WalkThroughOptions): Promise<Observations> {
  const { env, say } = options;
  const definition = await readDefinition(MODEL_FILE);
  const { name: model } = definition;
  const [s3, sagemaker] = [s3Client(env), sagemakerClient(env)];
  const cli = cliOf(options);
  try {
    say('1. Upload raw tables, pipe-delimited and encrypted');
    const warehouse = buildWarehouse();
    await prepareAccountOf(env, definition);
    const uploaded = await uploadWarehouse(s3, definition, warehouse);
    say(`${uploaded.raw} raw objects, and ${uploaded.heldBack} events that are held back to judge the model`);

    say('2. Apply the definition with its statements');
    await cli('apply', packagePath(MODEL_FILE));

    say('3. Run: load, check and query in the warehouse, export, train, evaluate, deploy');
    const run = await deployedRun(cli, model, '--as-of', AS_OF);
    const found = Number(run.evaluation.candidate.metrics.mdape);
    const naiveMdape = naive(warehouse);
    say(
      `MdAPE ${percent(found)} on ${run.evaluation.rows} held-back events; always the median: ${percent(naiveMdape)}`,
    );

    say('4. What the warehouse was asked');
    const statements = await statementsOf(env, `perennial/${model}/${compactTime(run.run.split('/').at(-1) ?? '')}/`);
    for (const { type, text } of statements.filter((one) => /^(COPY|UNLOAD)$/.test(one.type)))
      say(`${type}: ${text.replaceAll(/\s+/g, ' ').slice(0, 100)}`);

    say('5. The events of the best thousandth');
    const top = await topEvents(env, definition);
    for (const { name, total } of top) say(`${name}: $${dollars(total)}`);

    say('6. Ask the endpoint for a few events');
    const invoked = await invokedRows(cli, model, { lines: linesOf(warehouse.test), say, sold: 'took in' });

    say('7. Run once more: the same export is no news');
    const again = await cli<Followed>('run', model, '--as-of', AS_OF, '--follow');

    say('8. Delete the endpoint, which ends its bill');
    const endpointGone = await deletedEndpoint(cli, sagemaker, run, say);
    const seen = { definition, warehouse, uploaded, run, statements, top, invoked, again, endpointGone };
    return { ...seen, mdape: found, naiveMdape };
  } finally {
    for (const client of [s3, sagemaker]) client.destroy();
  }
}

/** What who knows no feature reaches: the median of the events that were learned from, guessed for each held-back one. */
function naive({ train, test }: Warehouse): number {
  const learned = prices(train).sort((a, b) => a - b);
  const median = learned[learned.length >> 1] as number;
  return mdape(
    prices(test),
    test.map(() => median),
  );
}

const prices = (rows: readonly EventRow[]) => rows.map(({ csv }) => priceOf(csv));
