import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PrepareActivities, PrepareInput } from '../../contracts/prepare.js';
import { failureOf } from './support/local-sagemaker.js';
import { startPrepareWorld, type PrepareWorld, type Redshift } from './support/prepare-world.js';
import { runActivity } from './support/world.js';

let world: PrepareWorld;
let activities: PrepareActivities;
beforeAll(async () => {
  world = await startPrepareWorld();
  activities = world.activities;
}, 60_000);
afterAll(() => world.stop());

const input = (...change: Parameters<PrepareWorld['input']>) => world.input(...change);

describe('preparing in Redshift', () => {
  it('loads, checks, exports and publishes, encrypted, as the data of the as-of date', async () => {
    const work = input();
    const { loaded, checked, exported, published } = await world.prepared(work);
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
    const keys = await world.keysUnder('data/sales/train/2026-01-04/');
    expect((await Promise.all(keys.map(world.text))).join('').trim().split('\n').sort()).toEqual([
      "20.00,2,o'clock",
      "30.00,3,o'clock",
      "40.00,4,o'clock",
    ]);
    const head = await world.fixture.s3.send(
      new HeadObjectCommand({ Bucket: world.fixture.bucket, Key: keys[0] ?? '' }),
    );
    expect(head).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: world.key });
    // The run's own copies are gone: rows lie in one place.
    expect((await world.keysUnder('models/sales/runs/')).map((one) => one.split('/').at(-1)).sort()).toEqual([
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
    let cut = true;
    const s3 = world.s3Before((command) => {
      if (!cut || !(command instanceof PutObjectCommand) || !command.input.Key?.endsWith('record.json')) return;
      cut = false;
      throw new Error('socket hang up');
    });
    const cutOff = world.activitiesOver({ s3 });
    expect((await failureOf(runActivity(cutOff.exportQuery, work))).type).toBe('NetworkError');
    expect(await runActivity(activities.exportQuery, work)).toMatchObject({ rows: 3, attached: true });
  });

  it('replaces what was exported for the same date before', async () => {
    const work = input({
      parameters: { since: { type: 'date', value: '2026-01-04' }, least: { type: 'double', value: 0 } },
    });
    // One of each slice.
    expect((await world.prepared(work)).published).toMatchObject({ rows: 1, replaced: 2, unchanged: false });
    expect(await world.keysUnder('data/sales/train/2026-01-04/')).toHaveLength(1);
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
    const changes = JSON.parse(
      JSON.stringify(redshift).replaceAll('BUCKET', world.fixture.bucket),
    ) as Partial<Redshift>;
    const work = input({ ...(redshift as Partial<Redshift>), ...changes });
    const failure = await failureOf(runActivity(activities[name] as (work: PrepareInput) => Promise<unknown>, work));
    expect(failure.type).toBe(type);
    expect(failure.message).toMatch(message);
    expect(failure.nonRetryable).toBe(true);
  });

  it('refuses a date that has objects which no export made', async () => {
    await world.fixture.put('data/other/train/2026-01-04/by-hand.csv', '1,2\n');
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
    expect((await world.keysUnder('models/cut/')).filter((one) => one.includes('data_'))).toEqual([]);
    expect(await world.keysUnder('data/cut/')).toEqual([]);
  });
});
