import { GetObjectCommand, NoSuchKey, type S3Client } from '@aws-sdk/client-s3';
import type { Definition } from '../../contracts/definition/index.js';
import { parseS3Uri } from '../../contracts/names.js';
import type { TransformResult } from '../../contracts/transforms.js';
import { packagePath } from '../../local/paths.js';
import { s3Client, sagemakerClient } from '../demo/account.js';
import {
  cliOf,
  deletedEndpoint,
  deployedRun,
  invokedRows,
  percent,
  readDefinition,
  type Shown,
  type WalkThroughOptions,
} from '../walk/model.js';
import { linesOf, mdape, predictionsOf, priceOf } from '../walk/rows.js';
import { buildHousing, type HousingSplit } from './data.js';
import { keysOf } from './resources.js';
import { keyOfObject, prepareHousingAccount, uploadHousing, type KeyFound, type Uploaded } from './upload.js';

const MODEL_FILE = 'examples/housing/model.yaml';

/** All that was seen. Prices and predictions in US dollars, MdAPE as a share. */
export interface Observations {
  readonly definition: Definition;
  readonly split: HousingSplit;
  /** ARN of the key that everything is to be encrypted with. */
  readonly keyArn: string;
  readonly uploaded: Uploaded;
  readonly run: Shown;
  /** The endpoint's answers for the first test rows. */
  readonly invoked: readonly number[];
  /** The answers of the batch transform for all test rows, and their MdAPE, computed here. */
  readonly transform: TransformResult & { readonly predictions: readonly number[]; readonly mdape: number };
  /** What each resource that came of it says of its key. */
  readonly keys: readonly KeyFound[];
  /** Those of all objects and resources that have another key, or none. */
  readonly withoutKey: readonly KeyFound[];
  /** Whether SageMaker knows the endpoint no more. */
  readonly endpointGone: boolean;
}

/**
 * From rows in a bucket to a served model and back to nothing that costs: upload, apply, run with its evaluation, invoke, batch transform,
 * the keys of everything, and the endpoint deleted. May be walked again: the same data is then trained on once more.
 *
 * @throws Error with the command's own words where a step doesn't end as it should
 */
export async function walkThrough(options: WalkThroughOptions): Promise<Observations> {
  const { env, say, signal } = options;
  const definition = await readHousingDefinition();
  const { name: model } = definition;
  const [s3, sagemaker] = [s3Client(env), sagemakerClient(env)];
  const cli = cliOf(options);
  try {
    say('1. Upload the sales as encrypted CSV files, one a month, in three channels');
    const split = await buildHousing(say, signal);
    const keyArn = await prepareHousingAccount(env, definition);
    const uploaded = await uploadHousing(s3, definition, split, signal);
    say(`${uploaded.keys.length} objects, rows to transform in ${uploaded.rowsUri}`);

    say('2. Apply the definition');
    await cli('apply', packagePath(MODEL_FILE));

    say('3. Run: train, evaluate on the channel test, deploy');
    const run = await deployedRun(cli, model);
    const { evaluation } = run;
    say(`MdAPE ${percent(evaluation.candidate.metrics.mdape)} on ${evaluation.rows} held-back sales`);

    say('4. Ask the endpoint for a few prices');
    const lines = linesOf(split.test);
    const invoked = await invokedRows(cli, model, { lines, say, sold: 'sold for' });

    say('5. Transform all test rows in a batch');
    const output = `${uploaded.rowsUri.replace(/rows\/$/, '')}predictions/`;
    const args = ['transform', model, '--input', uploaded.rowsUri, '--output', output, '--accept', 'text/csv'];
    const { result } = await cli<{ result: TransformResult }>(...args);
    const answers = `${result.outputUri}test.csv.out`;
    const predictions = await readPredictions(s3, answers);
    const transform = { ...result, predictions, mdape: mdape(lines.map(priceOf), predictions) };
    say(`MdAPE ${percent(transform.mdape)}, computed from ${predictions.length} answers`);

    say('6. Look at the keys');
    const made = await keysOf(sagemaker, s3, { ...run, transformJob: result.transformJob });
    const keys = [...made, await keyOfObject(s3, answers)];
    for (const { what, key } of keys) say(`${what}: ${key ?? 'no key'}`);
    // A key answers to its ARN, its id and its alias.
    const names = [keyArn, keyArn.split('/').at(-1), definition.encryption.key];
    const withoutKey = [...uploaded.keys, ...keys].filter(({ key }) => !names.includes(key));
    say(`${withoutKey.length} of ${uploaded.keys.length + keys.length} have another key than ${keyArn}`);

    say('7. Delete the endpoint, which ends its bill');
    const endpointGone = await deletedEndpoint(cli, sagemaker, run, say);
    return { definition, split, keyArn, uploaded, run, invoked, transform, keys, withoutKey, endpointGone };
  } finally {
    for (const client of [s3, sagemaker]) client.destroy();
  }
}

/** The definition of model.yaml with every default filled in. */
export const readHousingDefinition = (): Promise<Definition> => readDefinition(MODEL_FILE);

/** What a batch transform answered, one number a row. Throws an Error that names the object if it isn't there. */
export async function readPredictions(s3: S3Client, uri: string): Promise<number[]> {
  const { bucket, key } = parseS3Uri(uri);
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return predictionsOf((await Body?.transformToString()) ?? '');
  } catch (error) {
    if (!(error instanceof NoSuchKey)) throw error;
    throw new Error(`There is no ${uri}: \`perennial transform\` says where its answers are.`, { cause: error });
  }
}
