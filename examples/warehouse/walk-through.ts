import { checkDefinitions } from '../../client/definition/check.js';
import type { Definition } from '../../contracts/definition/index.js';
import type { Evaluation } from '../../contracts/evaluation.js';
import { compactTime } from '../../contracts/names.js';
import { packagePath } from '../../local/paths.js';
import { prepareAccount, s3Client, sagemakerClient, type Env } from '../demo/account.js';
import { npxPerennial } from '../housing/cli.js';
import { endpointIsGone } from '../housing/resources.js';
import { featuresOf, mdape, predictionsOf, priceOf } from '../housing/rows.js';
import { AS_OF, buildWarehouse, type EventRow, type Warehouse } from './data.js';
import { uploadWarehouse } from './upload.js';
import { statementsOf, topEvents, type LoggedStatement, type TopEvent } from './warehouse.js';

const MODEL_FILE = 'examples/warehouse/model.yaml';
/** The local Slack takes any token of this form. */
const LOCAL_SLACK_TOKEN = 'xoxb-local';
/** Held-back events that the endpoint is asked for. */
const INVOKED_ROWS = 5;

export interface WalkThroughOptions {
  /** Of a local mode with a worker: where Temporal and AWS are. */
  readonly env: Env;
  /** Receives what it does, a line at a time. */
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
}

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

/** What `perennial run --follow --json` prints. */
interface Followed {
  readonly run: string;
  readonly outcome?: string;
  readonly reason?: string;
}

/** What `perennial show --json` says of a run that was deployed. */
interface Shown {
  readonly run: string;
  readonly state: string;
  readonly endpoint: string;
  readonly evaluation: Evaluation;
}

/**
 * From raw objects by way of the warehouse to a served model: upload, apply, run, what the warehouse was asked, the report of its best events,
 * the endpoint asked and deleted. May be walked again.
 *
 * @throws Error with the command's own words where a step doesn't end as it should
 */
export async function walkThrough({ env, say, signal }: WalkThroughOptions): Promise<Observations> {
  const definition = await readWarehouseDefinition();
  const { name: model } = definition;
  const [s3, sagemaker] = [s3Client(env), sagemakerClient(env)];
  const cli = <T>(...args: string[]) => npxPerennial<T>(args, { env, say, signal });
  try {
    say('1. Upload raw tables, pipe-delimited and encrypted');
    const warehouse = buildWarehouse();
    await prepareWarehouseAccount(env, definition);
    const uploaded = await uploadWarehouse(s3, definition, warehouse);
    say(`${uploaded.raw} raw objects, and ${uploaded.heldBack} events that are held back to judge the model`);

    say('2. Apply the definition with its statements');
    await cli('apply', packagePath(MODEL_FILE));

    say('3. Run: load, check and query in the warehouse, export, train, evaluate, deploy');
    // A second walk-through brings the same data: --force trains on it all the same.
    const { run: id, outcome, reason } = await cli<Followed>('run', model, '--as-of', AS_OF, '--force', '--follow');
    if (outcome !== 'Deployed') throw new Error(`${id} ended as ${outcome}: ${reason}`);
    const run = await cli<Shown>('show', id);
    const found = Number(run.evaluation.candidate.metrics.mdape);
    const naiveMdape = naive(warehouse);
    say(
      `MdAPE ${percent(found)} on ${run.evaluation.rows} held-back events; always the median: ${percent(naiveMdape)}`,
    );

    say('4. What the warehouse was asked');
    const statements = await statementsOf(env, `perennial/${model}/${compactTime(id.split('/').at(-1) ?? '')}/`);
    for (const { type, text } of statements.filter((one) => /^(COPY|UNLOAD)$/.test(one.type)))
      say(`${type}: ${text.replaceAll(/\s+/g, ' ').slice(0, 100)}`);

    say('5. The events of the best thousandth');
    const top = await topEvents(env, definition);
    for (const { name, total } of top) say(`${name}: $${dollars(total)}`);

    say('6. Ask the endpoint for a few events');
    const some = warehouse.test.slice(0, INVOKED_ROWS).map(({ csv }) => csv.trimEnd());
    const rows = some.map(featuresOf).join(String.raw`\n`);
    const { answer } = await cli<{ answer: string }>('invoke', model, '--csv', rows, '--accept', 'text/csv');
    const invoked = predictionsOf(answer);
    some.forEach((line, row) => say(`took in $${dollars(priceOf(line))}, predicted $${dollars(invoked[row])}`));

    say('7. Run once more: the same export is no news');
    const again = await cli<Followed>('run', model, '--as-of', AS_OF, '--follow');

    say('8. Delete the endpoint, which ends its bill');
    await cli('endpoint', 'delete', model, '--yes');
    const endpointGone = await endpointIsGone(sagemaker, run.endpoint);
    say(endpointGone ? `SageMaker knows no endpoint ${run.endpoint}` : `endpoint ${run.endpoint} is still there`);
    const seen = { definition, warehouse, uploaded, run, statements, top, invoked, again, endpointGone };
    return { ...seen, mdape: found, naiveMdape };
  } finally {
    for (const client of [s3, sagemaker]) client.destroy();
  }
}

/** The definition of model.yaml with its statements and every default filled in. */
async function readWarehouseDefinition(): Promise<Definition> {
  const { models } = await checkDefinitions([packagePath(MODEL_FILE)]);
  const [model] = models;
  if (!model) throw new Error(`${MODEL_FILE} has faults: npx perennial definition check ${MODEL_FILE}`);
  return model.definition;
}

/** Makes what the definition takes for granted: bucket, key, Slack token. */
async function prepareWarehouseAccount(env: Env, { data, encryption, notify }: Definition): Promise<void> {
  const slack = notify.slack && { tokenParameter: notify.slack.tokenParameter, token: LOCAL_SLACK_TOKEN };
  await prepareAccount(env, { bucket: data.bucket, keyAlias: encryption.key ?? '', slack });
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
const percent = (share: number) => `${(share * 100).toFixed(2)} %`;
const dollars = (price = Number.NaN) => Math.round(price).toLocaleString('en-US');
