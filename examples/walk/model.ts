import { DescribeEndpointCommand, type SageMakerClient } from '@aws-sdk/client-sagemaker';
import { checkDefinitions } from '../../client/definition/check.js';
import type { Definition } from '../../contracts/definition/index.js';
import type { Evaluation } from '../../contracts/evaluation.js';
import { packagePath } from '../../local/paths.js';
import { prepareAccount, type Env } from '../demo/account.js';
import { npxPerennial } from './cli.js';
import type { Say } from './command.js';
import { featuresOf, predictionsOf, priceOf } from './rows.js';

/** The local Slack takes any token of this form. */
const LOCAL_SLACK_TOKEN = 'xoxb-local';
/** Rows that an endpoint is asked for. */
const INVOKED_ROWS = 5;

/** Where a walk-through walks. */
export interface WalkThroughOptions {
  /** Of a local mode with a worker: where Temporal and AWS are. */
  readonly env: Env;
  /** Receives what it does, a line at a time. */
  readonly say: Say;
  readonly signal?: AbortSignal;
}

/** What `perennial run --follow --json` prints. */
export interface Followed {
  readonly run: string;
  readonly outcome?: string;
  readonly reason?: string;
}

/** What `perennial show --json` says of a run that was deployed. */
export interface Shown {
  readonly run: string;
  readonly model: string;
  readonly state: string;
  readonly trainingJob: string;
  readonly artifactUri: string;
  readonly endpoint: string;
  readonly endpointConfig: string;
  readonly evaluation: Evaluation;
  readonly historyEvents: number;
}

export type Cli = <T>(...args: string[]) => Promise<T>;

export const cliOf =
  ({ env, say, signal }: WalkThroughOptions): Cli =>
  (...args) =>
    npxPerennial(args, { env, say, signal });

/** The definition of a file of the package, with every default filled in. */
export async function readDefinition(file: string): Promise<Definition> {
  const { models } = await checkDefinitions([packagePath(file)]);
  const [model] = models;
  if (!model) throw new Error(`${file} has faults: npx perennial definition check ${file}`);
  return model.definition;
}

/** The alias that everything of an example is encrypted with. */
export function keyOf({ encryption: { key } }: Pick<Definition, 'encryption'>): string {
  if (key === undefined)
    throw new Error('The definition has no encryption.key: the walk-through shows what it is for.');
  return key;
}

/** Makes what a definition takes for granted: bucket, key, Slack token. */
export async function prepareAccountOf(env: Env, definition: Definition): Promise<void> {
  const { data, notify } = definition;
  const slack = notify.slack && { tokenParameter: notify.slack.tokenParameter, token: LOCAL_SLACK_TOKEN };
  await prepareAccount(env, { bucket: data.bucket, keyAlias: keyOf(definition), slack });
}

/** `perennial run`, which must deploy. A second walk-through brings the same data: --force trains on it all the same. */
export async function deployedRun(cli: Cli, model: string, ...args: string[]): Promise<Shown> {
  const { run, outcome, reason } = await cli<Followed>('run', model, ...args, '--force', '--follow');
  if (outcome !== 'Deployed') throw new Error(`${run} ended as ${outcome}: ${reason}`);
  return cli<Shown>('show', run);
}

/** Asks the endpoint for the first rows; `sold` says what a price stands for. */
export async function invokedRows(
  cli: Cli,
  model: string,
  { lines, say, sold }: { readonly lines: readonly string[]; readonly say: Say; readonly sold: string },
): Promise<number[]> {
  const some = lines.slice(0, INVOKED_ROWS);
  const rows = some.map(featuresOf).join(String.raw`\n`);
  const { answer } = await cli<{ answer: string }>('invoke', model, '--csv', rows, '--accept', 'text/csv');
  const invoked = predictionsOf(answer);
  some.forEach((line, row) => say(`${sold} $${dollars(priceOf(line))}, predicted $${dollars(invoked[row])}`));
  return invoked;
}

/** Whether SageMaker knows the endpoint no more, after its deletion. */
export async function deletedEndpoint(
  cli: Cli,
  sagemaker: SageMakerClient,
  { model, endpoint }: Pick<Shown, 'model' | 'endpoint'>,
  say: Say,
): Promise<boolean> {
  await cli('endpoint', 'delete', model, '--yes');
  const gone = await endpointIsGone(sagemaker, endpoint);
  say(gone ? `SageMaker knows no endpoint ${endpoint}` : `endpoint ${endpoint} is still there`);
  return gone;
}

/** SageMaker's own word that there is no such endpoint: it says so as a ValidationException. Any other error is thrown. */
async function endpointIsGone(sagemaker: SageMakerClient, EndpointName: string): Promise<boolean> {
  try {
    await sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
    return false;
  } catch (error) {
    if (error instanceof Error && error.name === 'ValidationException' && /could not find/i.test(error.message))
      return true;
    throw error;
  }
}

export const percent = (share: number | null | undefined) =>
  share == null ? 'undefined' : `${(share * 100).toFixed(2)} %`;
export const dollars = (price = Number.NaN) => Math.round(price).toLocaleString('en-US');
