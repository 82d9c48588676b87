import { ListObjectsV2Command, HeadObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { RedshiftClient } from '@aws-sdk/client-redshift';
import { RedshiftServerlessClient } from '@aws-sdk/client-redshift-serverless';
import { SSMClient } from '@aws-sdk/client-ssm';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyedHashes } from '../../activities/keyed-hashes.js';
import { createPrepareActivities } from '../../activities/prepare/index.js';
import { definitionSchema, type DefinitionInput } from '../../contracts/definition/index.js';
import { runId } from '../../contracts/names.js';
import type { PrepareActivities, PrepareInput } from '../../contracts/prepare.js';
import { ROLE, startFixture, type Fixture } from '../local/fixtures/redshift.js';
import { failureOf } from './support/local-sagemaker.js';
import { AWS, runActivity } from './support/world.js';

let fixture: Fixture;
let activities: PrepareActivities;
let key: string;
const closing: { destroy(): void }[] = [];

beforeAll(async () => {
  fixture = await startFixture();
  const own = { ...AWS, endpoint: fixture.redshift.url };
  const [kms, ssm] = [new KMSClient(AWS), new SSMClient(AWS)];
  const [redshift, redshiftServerless] = [new RedshiftClient(own), new RedshiftServerlessClient(own)];
  closing.push(kms, ssm, redshift, redshiftServerless);
  key = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
  activities = createPrepareActivities({
    s3: fixture.s3,
    kms,
    ssm,
    redshift,
    redshiftServerless,
    hashes: keyedHashes(ssm),
  });
  await fixture.put('raw/sales_1', '1|10.5|2026-01-01\n2|20|2026-01-02\n');
  await fixture.put('raw/sales_2', '3|30|2026-01-03\n4|40|2026-01-04\n');
}, 60_000);
afterAll(async () => {
  for (const client of closing) client.destroy();
  await fixture.stop();
});

type Redshift = NonNullable<DefinitionInput['prepare']>['redshift'];
let minutes = 0;

function input(redshift: Partial<Redshift> = {}, more: Partial<PrepareInput> & { name?: string } = {}): PrepareInput {
  const { name = 'sales', ...rest } = more;
  const runTime = new Date(Date.UTC(2026, 0, 10) + 60_000 * minutes++).toISOString();
  const definition = definitionSchema.parse({
    name,
    role: ROLE,
    data: { bucket: fixture.bucket, window: 'P3D' },
    training: { algorithm: 'linear-learner', hyperparameters: { predictor_type: 'regressor' } },
    encryption: { key },
    prepare: {
      redshift: {
        cluster: { identifier: 'local', database: fixture.database, user: 'awsuser' },
        ca: join(fixture.stateDir, 'ca.pem'),
        role: ROLE,
        parameters: { since: { type: 'date', value: '${windowStart}' }, least: { type: 'double', value: 15 } },
        setup: [
          {
            file: 'setup.sql',
            sql: 'CREATE TABLE IF NOT EXISTS sales (id int, price numeric(8,2), sold date) DISTKEY(id) SORTKEY(sold);',
          },
        ],
        load: [{ table: 'sales', from: `s3://${fixture.bucket}/raw/sales_` }],
        checks: [
          { name: 'sales', rows: 'sales', min: 1 },
          { name: 'price', range: { table: 'sales', column: 'price' }, min: 0, max: 100 },
        ],
        query: {
          file: 'query.sql',
          sql: "SELECT price, id, 'o''clock' AS note FROM sales, perennial_parameters WHERE sold >= since AND price > least ORDER BY id;",
        },
        label: 'price',
        ...redshift,
      },
    },
  } satisfies DefinitionInput);
  return { ref: { model: name, run: runId(name, runTime), runTime }, definition, asOf: '2026-01-04', ...rest };
}

const keysUnder = async (Prefix: string) => {
  const { Contents = [] } = await fixture.s3.send(new ListObjectsV2Command({ Bucket: fixture.bucket, Prefix }));
  return Contents.map(({ Key = '' }) => Key);
};
const text = async (Key: string) => {
  const { Body } = await fixture.s3.send(new GetObjectCommand({ Bucket: fixture.bucket, Key }));
  return (await Body?.transformToString()) ?? '';
};
async function prepared(work: PrepareInput) {
  const loaded = await runActivity(activities.loadWarehouse, work);
  const checked = await runActivity(activities.checkWarehouse, work);
  const exported = await runActivity(activities.exportQuery, work);
  return { loaded, checked, exported, published: await runActivity(activities.publishExport, { ...work, exported }) };
}

describe('preparing in Redshift', () => {
  it('loads, checks, exports and publishes, encrypted, as the data of the as-of date', async () => {
    const work = input();
    const { loaded, checked, exported, published } = await prepared(work);
    expect(loaded.loads).toEqual([{ table: 'sales', rows: 4 }]);
    expect(checked.checks).toEqual([
      { name: 'sales', values: [4], ok: true },
      { name: 'price', values: [10.5, 40], ok: true },
    ]);
    expect(exported).toMatchObject({ rows: 3, columns: 3, attached: false });
    expect(published).toMatchObject({
      rows: 3,
      suppressed: 0,
      replaced: 0,
      unchanged: false,
      label: { name: 'price', min: 20, max: 40, mean: 30 },
    });
    const keys = await keysUnder('data/sales/train/2026-01-04/');
    expect((await Promise.all(keys.map(text))).join('').trim().split('\n').sort()).toEqual([
      "20.00,2,o'clock",
      "30.00,3,o'clock",
      "40.00,4,o'clock",
    ]);
    const head = await fixture.s3.send(new HeadObjectCommand({ Bucket: fixture.bucket, Key: keys[0] ?? '' }));
    expect(head).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key });
    // The run's own copies are gone: rows lie in one place.
    expect((await keysUnder('models/sales/runs/')).map((one) => one.split('/').at(-1)).sort()).toEqual([
      'published.json',
      'record.json',
    ]);
  });

  it('finds what an earlier try has done, and publishes the same once', async () => {
    const work = input();
    await runActivity(activities.loadWarehouse, work);
    const first = await runActivity(activities.exportQuery, work);
    const again = await runActivity(activities.exportQuery, work);
    expect(again).toEqual({ ...first, attached: true });
    const published = await runActivity(activities.publishExport, { ...work, exported: first });
    expect(published).toMatchObject({ unchanged: true, replaced: 0 });
    expect(await runActivity(activities.publishExport, { ...work, exported: first })).toEqual(published);
  });

  it('takes the UNLOAD that the warehouse finished, although nobody heard of it', async () => {
    const work = input();
    await runActivity(activities.loadWarehouse, work);
    const lost = { ...fixture.s3, send: fixture.s3.send.bind(fixture.s3) };
    let cut = true;
    const s3 = Object.create(fixture.s3, {
      send: {
        value: (command: unknown, ...rest: unknown[]) => {
          if (cut && command instanceof PutObjectCommand && String(command.input.Key).endsWith('record.json')) {
            cut = false;
            return Promise.reject(new Error('socket hang up'));
          }
          return (lost.send as (...all: unknown[]) => unknown)(command, ...rest);
        },
      },
    }) as typeof fixture.s3;
    const kms = new KMSClient(AWS);
    const ssm = new SSMClient(AWS);
    const own = { ...AWS, endpoint: fixture.redshift.url };
    const [redshift, redshiftServerless] = [new RedshiftClient(own), new RedshiftServerlessClient(own)];
    closing.push(kms, ssm, redshift, redshiftServerless);
    const cutOff = createPrepareActivities({ s3, kms, ssm, redshift, redshiftServerless, hashes: keyedHashes(ssm) });
    expect((await failureOf(runActivity(cutOff.exportQuery, work))).type).toBe('NetworkError');
    expect(await runActivity(activities.exportQuery, work)).toMatchObject({ rows: 3, attached: true });
  });

  it('replaces what was exported for the same date before', async () => {
    const work = input({
      parameters: { since: { type: 'date', value: '2026-01-04' }, least: { type: 'double', value: 0 } },
    });
    // One of each slice.
    expect((await prepared(work)).published).toMatchObject({ rows: 1, replaced: 2, unchanged: false });
    expect(await keysUnder('data/sales/train/2026-01-04/')).toHaveLength(1);
  });

  it.each([
    [
      'a failed check',
      { checks: [{ name: 'sales', rows: 'sales', min: 5 }] },
      'checkWarehouse',
      'DataInvalid',
      /"sales" is 4, wanted at least 5/,
    ],
    [
      'a label that is not first',
      { label: 'id' },
      'exportQuery',
      'DefinitionInvalid',
      /first column of query.sql is price/,
    ],
    [
      'a query without rows',
      { query: { file: 'q.sql', sql: 'SELECT price FROM sales WHERE false' } },
      'exportQuery',
      'DataInvalid',
      /no rows/,
    ],
    [
      'a table that is missing',
      { query: { file: 'q.sql', sql: 'SELECT price FROM nowhere' } },
      'exportQuery',
      'DefinitionInvalid',
      /"nowhere" does not exist/,
    ],
    [
      'a user that is missing',
      { cluster: { identifier: 'local', database: 'x', user: 'nobody' } },
      'loadWarehouse',
      'AccessDenied|DefinitionInvalid',
      /./,
    ],
    [
      'raw data that is not there',
      { load: [{ table: 'sales', from: 's3://BUCKET/nothing/sales_' }] },
      'loadWarehouse',
      'DataInvalid',
      /load sales failed: there is no object under its prefix .*Upload the raw data/,
    ],
    [
      'rows that do not fit',
      { load: [{ table: 'sales', from: 's3://BUCKET/raw/sales_', delimiter: ';' }] },
      'loadWarehouse',
      'DataInvalid',
      /load sales failed: a row does not fit the table .*stl_load_errors, or /,
    ],
    [
      'a manifest that is none',
      { load: [{ table: 'sales', from: 's3://BUCKET/raw/sales_1', manifest: true }] },
      'loadWarehouse',
      'DataInvalid',
      /the manifest is missing or no manifest/,
    ],
    [
      'a bucket that is not there',
      { load: [{ table: 'sales', from: 's3://perennial-nowhere/raw/sales_' }] },
      'loadWarehouse',
      'ResourceMissing',
      /Create the bucket/,
    ],
    ['an authority that is not trusted', { ca: undefined }, 'loadWarehouse', 'AccessDenied', /certificate/],
  ] as const)('says what is wrong: %s', async (_case, redshift, name, type, message) => {
    const changes = JSON.parse(JSON.stringify(redshift).replaceAll('BUCKET', fixture.bucket)) as Partial<Redshift>;
    const work = input({ ...(redshift as Partial<Redshift>), ...changes });
    const failure = await failureOf(runActivity(activities[name] as (work: PrepareInput) => Promise<unknown>, work));
    expect(failure.type).toMatch(new RegExp(`^(${type})$`));
    expect(failure.message).toMatch(message);
    expect(failure.nonRetryable).toBe(true);
  });

  it('refuses a date that has objects which no export made', async () => {
    await fixture.put('data/other/train/2026-01-04/by-hand.csv', '1,2\n');
    const failure = await failureOf(runActivity(activities.loadWarehouse, input({}, { name: 'other' })));
    expect([failure.type, failure.message]).toEqual([
      'InvalidRequest',
      expect.stringContaining('1 objects that no export made'),
    ]);
  });

  it('leaves nothing of a run that comes to no end', async () => {
    const work = input({}, { name: 'cut' });
    await runActivity(activities.loadWarehouse, work);
    await runActivity(activities.exportQuery, work);
    await runActivity(activities.discardExport, work);
    expect((await keysUnder('models/cut/')).filter((one) => one.includes('data_'))).toEqual([]);
    expect(await keysUnder('data/cut/')).toEqual([]);
  });
});
