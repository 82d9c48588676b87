import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { KMSClient } from '@aws-sdk/client-kms';
import { RedshiftClient } from '@aws-sdk/client-redshift';
import { RedshiftServerlessClient } from '@aws-sdk/client-redshift-serverless';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPrepareActivities } from '../../activities/prepare/index.js';
import { placesOf } from '../../activities/prepare/places.js';
import { createPreparePreview } from '../../activities/prepare/preview.js';
import { createResumeActivities } from '../../activities/resume/index.js';
import type { Definition, DefinitionInput } from '../../contracts/definition/index.js';
import type { PrepareActivities, PrepareInput } from '../../contracts/prepare.js';
import type { ResumePlan } from '../../contracts/resume.js';
import { PREPARE } from '../support/scripted-prepare.js';
import { ScriptedSageMaker } from './support/scripted-sagemaker.js';
import { AWS, runActivity, World } from './support/world.js';

let world: World;
let sagemaker: ScriptedSageMaker;
let prepare: PrepareActivities;
const nowhere = { ...AWS, endpoint: 'http://127.0.0.1:9', maxAttempts: 1 };
const clients = {
  redshift: new RedshiftClient(nowhere),
  redshiftServerless: new RedshiftServerlessClient(nowhere),
  kms: new KMSClient(AWS),
};
beforeAll(async () => {
  sagemaker = await ScriptedSageMaker.start({ ListTrainingJobs: { TrainingJobSummaries: [] } });
});
afterAll(async () => {
  for (const client of Object.values(clients)) client.destroy();
  await sagemaker.close();
});
beforeEach(async () => {
  world = await World.make();
  prepare = createPrepareActivities({ ...world, ...clients });
});
afterEach(() => world.close());

type Redshift = NonNullable<DefinitionInput['prepare']>['redshift'];
const definitionOf = (redshift: Partial<Redshift> = {}, more: Parameters<World['definition']>[0] = {}): Definition =>
  world.definition({ prepare: { redshift: { ...PREPARE.redshift, ...redshift } }, ...more });

/** A run of the as-of date whose export is published. */
async function published(body: string, definition = definitionOf(), perform = runActivity): Promise<PrepareInput> {
  const input: PrepareInput = { ref: world.nextRef(), definition, asOf: '2026-01-10' };
  const { parts, record, recordUri: exportUri, bucket } = placesOf(input);
  const put = (Key: string, Body: string) => world.s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
  const { ETag: etag = '' } = await put(`${parts}0000`, body);
  const rows = body.split('\n').length - 1;
  const part = { key: `${parts}0000`, etag, bytes: body.length, rows };
  const known = { rows, bytes: body.length, seconds: 4 };
  await put(record, JSON.stringify({ version: 1, columns: ['price', 'day'], parts: [part], ...known }));
  const exported = { exportUri, ...known, parts: 1, columns: 2, attached: false };
  await perform(prepare.publishExport, { ...input, exported });
  return input;
}

/** A Temporal in which every run was terminated. */
const temporal = {
  workflow: {
    getHandle: () => ({ describe: async () => ({ status: { name: 'TERMINATED' } }), query: async () => ({}) }),
  },
  withAbortSignal: (_signal: AbortSignal, call: () => unknown) => call(),
} as unknown as Client;

function planned({ ref: { run } }: PrepareInput, definition = definitionOf()): Promise<ResumePlan> {
  const { s3, hashes, data } = world;
  const { planResume } = createResumeActivities({
    ...{ s3, hashes, sagemaker: sagemaker.client(), region: AWS.region },
    checkData: (input) => data.checkData(input),
  });
  return runActivity(planResume, { definition, resume: run }, temporal);
}

const keyOf = (input: PrepareInput) => `${placesOf(input).published}${placesOf(input).name}0000.csv`;

it('a publication tells by its heartbeats what it is at', async () => {
  const beats: unknown[] = [];
  const env = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  env.on('heartbeat', (said: unknown) => void beats.push(said));
  await published('1,a\n3,b\n', definitionOf(), (activity, input) => env.run(activity, input));
  expect(beats).toContainEqual({
    doing: `publish 1 objects to s3://${world.bucket}/data/x/train/2026-01-10/`,
    seconds: expect.any(Number) as number,
  });
});

describe('a run that takes up one without a snapshot', () => {
  it('uses what that one published, with its figures', async () => {
    const input = await published('1,a\n3,b\n');
    const plan = await planned(input);
    expect(plan).toMatchObject({
      from: 'check data',
      reason: expect.stringContaining(`uses 2 rows that ${input.ref.run} published`) as string,
      prepared: { rows: 2, seconds: 4, by: input.ref.run, label: { min: 1, max: 3 }, columns: 2 },
    });
    expect(plan.prepared?.publishedTo).toBe(`s3://${world.bucket}/data/x/train/2026-01-10/`);
    // How the warehouse is reached makes no other rows.
    const elsewhere = definitionOf({ host: 'other.example', timeout: '2h' });
    expect((await planned(input, elsewhere)).prepared).toBeDefined();
  });

  it.each<[string, (input: PrepareInput) => Promise<Definition | void>, RegExp]>([
    [
      'the query is another',
      async () => definitionOf({ query: { file: 'q.sql', sql: 'SELECT 2 AS price' } }),
      /others now/,
    ],
    ['the key is another', async () => definitionOf({}, { encryption: { key: 'alias/new' } }), /others now/],
    ['another run published other rows there', async () => void (await published('7,z\n')), /holds something else now/],
    [
      'rows were erased there',
      async (input) => {
        const [Bucket, Key] = [world.bucket, keyOf(input)];
        const { Metadata } = await world.s3.send(new GetObjectCommand({ Bucket, Key }));
        await world.s3.send(new PutObjectCommand({ Bucket, Key, Body: '3,b\n', Metadata }));
      },
      /holds something else now/,
    ],
    [
      'an object is gone',
      async (input) => void (await world.s3.send(new DeleteObjectCommand({ Bucket: world.bucket, Key: keyOf(input) }))),
      /holds something else now/,
    ],
  ])('asks the warehouse again and says why if %s', async (_, change, why) => {
    const input = await published('1,a\n3,b\n');
    const definition = (await change(input)) ?? definitionOf();
    const plan = await planned(input, definition);
    expect(plan).not.toHaveProperty('prepared');
    expect(plan.reason).toMatch(/asks the warehouse again, as what retrain\/.* published can't be used/);
    expect(plan.reason).toMatch(why);
  });

  it('asks the warehouse again after one that published nothing, and after one whose record has no hash', async () => {
    const none: PrepareInput = { ref: world.nextRef(), definition: definitionOf(), asOf: '2026-01-10' };
    expect(await planned(none)).toMatchObject({
      reason: expect.stringMatching(/warehouse again, as nothing was published$/) as string,
    });
    const input = await published('1,a\n');
    const [Bucket, Key] = [world.bucket, `${placesOf(input).folder}published.json`];
    const { Body } = await world.s3.send(new GetObjectCommand({ Bucket, Key }));
    const { made: _, ...old } = JSON.parse((await Body?.transformToString()) ?? '{}') as { made: unknown };
    await world.s3.send(new PutObjectCommand({ Bucket, Key, Body: JSON.stringify(old) }));
    expect((await planned(input)).reason).toContain('earlier version');
  });
});

describe('a look at what would be prepared', () => {
  const look = (definition: Definition) =>
    runActivity(createPreparePreview({ ...world, ...clients }).previewPrepare, { definition, asOf: '2026-01-10' });

  it('has statements, values, checks and places, and all that is wrong', async () => {
    await published('1,a\n');
    await world.put('2026-01-10/notes.txt');
    const found = await look(
      definitionOf(
        {
          parameters: {
            since: { type: 'date', value: '${windowStart}' },
            last: { type: 'date', value: '${watermark}' },
            most: { type: 'double', value: 4.5 },
          },
          setup: [{ file: 'setup.sql', sql: 'CREATE TABLE IF NOT EXISTS sales (price int)' }],
        },
        { data: { window: 'P3D' } },
      ),
    );
    expect(found).toMatchObject({
      warehouse: 'cluster warehouse, database dev',
      user: 'trainer',
      parameters: [
        { name: 'since', type: 'date', value: '2026-01-08' },
        { name: 'last', type: 'date', value: null },
        { name: 'most', type: 'double', value: '4.5' },
      ],
      checks: ['sales: rows of sales at least 1'],
      publishTo: `s3://${world.bucket}/data/x/train/2026-01-10/`,
      exportTo: expect.stringMatching(/\/runs\/<time>\/export\/$/) as string,
      published: 1,
      foreign: 1,
      problems: [expect.stringMatching(/^cluster warehouse: .*look up its address/) as string],
    });
    expect(found.statements.map(({ what }) => what)).toEqual([
      ...['make the parameter table', 'bind the parameters', 'run setup.sql', 'empty sales'],
      ...['load sales from s3://example-bucket/raw/sales_', 'check "sales"', 'export query.sql'],
    ]);
    const sql = found.statements.map((one) => one.sql).join('\n');
    expect(sql).toMatch(/^UNLOAD \('SELECT price FROM sales'\)\nTO 's3:.*<time>\/export\/data_'/m);
    expect(sql).not.toMatch(/2026-01-08|4\.5/);
  });

  it('takes no password of a PostgreSQL', async () => {
    const urlParameter = `/${world.model}/url`;
    const { cluster: _c, role: _r, load: _l, ...rest } = PREPARE.redshift;
    const definition = world.definition({ prepare: { redshift: { ...rest, urlParameter } } });
    expect((await look(definition)).problems).toEqual([expect.stringContaining(`${urlParameter} (prepare`) as string]);
    const Value = 'postgres://me:hunter2@db.example:5432/sales';
    await world.ssm.send(new PutParameterCommand({ Name: urlParameter, Value, Type: 'SecureString' }));
    const found = await look(definition);
    expect(found.problems).toEqual([]);
    expect(found.statements.at(-1)?.sql).toBe('COPY (SELECT price FROM sales\n) TO STDOUT (FORMAT csv)');
    expect(JSON.stringify(found)).not.toMatch(/hunter2|db\.example/);
  });
});
