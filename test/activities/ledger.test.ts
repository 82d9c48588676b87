import { PutObjectCommand } from '@aws-sdk/client-s3';
import { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { createLedgerActivities } from '../../activities/ledger.js';
import type { LedgerActivities } from '../../contracts/activities.js';
import { fileRecordKey, outcomeKey } from '../../contracts/names.js';
import type { OutcomeObject } from '../../contracts/records.js';
import { migrate } from '../../ledger/migrate.js';
import { createLedger } from '../../ledger/store.js';
import { freshDatabase } from '../support/database.js';
import type { FreshDatabase } from '../support/database.js';
import { runActivity, World } from './support/world.js';

const OUTPUT = 'models/weather/';
let database: FreshDatabase;
let pool: Pool;
let world: World;
let ledger: LedgerActivities;

beforeAll(async () => {
  database = await freshDatabase(inject('postgres').url);
  pool = new Pool({ connectionString: database.url });
  await migrate(pool);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});
beforeEach(async () => {
  world = await World.make();
  ledger = createLedgerActivities({ s3: world.s3, ledger: async () => createLedger(pool) });
  return () => world.close();
});

const write = (key: string, value: unknown) =>
  world.s3.send(new PutObjectCommand({ Bucket: world.bucket, Key: key, Body: JSON.stringify(value) }));

/** Writes a run's records as the run itself does, and answers where its outcome lies. */
async function writeRun(
  change: Partial<OutcomeObject> = {},
  { fileRecord = true } = {},
): Promise<OutcomeObject & { uri: string }> {
  const ref = world.nextRef();
  const fileRecordUri = `s3://${world.bucket}/${fileRecordKey(OUTPUT, ref.runTime)}`;
  const outcome: OutcomeObject = {
    version: 1,
    run: ref.run,
    temporalRunId: 'temporal-run',
    model: ref.model,
    outcome: 'Deployed',
    reason: '1 new file',
    trigger: 'manual',
    startedAt: ref.runTime,
    endedAt: ref.runTime,
    stages: { train: 1 },
    fileRecordUri,
    files: 1,
    trainingJob: `${ref.model}-1`,
    endpoint: ref.model,
    endpointConfig: `${ref.model}-config`,
    deployedAt: ref.runTime,
    metrics: [],
    warnings: [],
    ...change,
  };
  const files = [{ channel: 'train', key: 'data/x/train/2026-01-01.csv', date: '2026-01-01', etag: '"a"', size: 1 }];
  if (fileRecord) {
    await write(fileRecordKey(OUTPUT, ref.runTime), {
      ...{ version: 1, model: ref.model, run: ref.run, bucket: world.bucket, asOf: '2026-01-10' },
      ...{ dataHash: 'd', definitionHash: 'f', files },
    });
  }
  await write(outcomeKey(OUTPUT, ref.runTime), outcome);
  return { ...outcome, uri: `s3://${world.bucket}/${outcomeKey(OUTPUT, ref.runTime)}` };
}

const index = (outcomeUri: string) => runActivity(ledger.indexRun, { outcomeUri });
const list = async () => (await runActivity(ledger.listRuns, { model: world.model, limit: 10 })).runs;

describe('indexRun', () => {
  it('indexes a run from its records, and once only', async () => {
    const { uri, ...outcome } = await writeRun();
    await index(uri);
    await index(uri);
    expect(await list()).toMatchObject([{ run: outcome.run, outcome: 'Deployed', files: 1 }]);
    expect(await runActivity(ledger.showRun, { run: outcome.run })).toEqual({ run: outcome });
    expect(await createLedger(pool).filesOfRun(outcome.run)).toHaveLength(1);
  });

  it('needs no file record for a run that trained nothing', async () => {
    const { uri } = await writeRun(
      { outcome: 'NoNewData', trainingJob: undefined, fileRecordUri: undefined, deployedAt: undefined },
      { fileRecord: false },
    );
    await index(uri);
    expect(await list()).toMatchObject([{ outcome: 'NoNewData' }]);
  });

  it('names a record that is gone', async () => {
    const { uri, fileRecordUri } = await writeRun({}, { fileRecord: false });
    await expect(index(uri)).rejects.toMatchObject({
      type: 'ResourceMissing',
      nonRetryable: true,
      message: expect.stringContaining(fileRecordUri as string),
    });
    await expect(index(`s3://${world.bucket}/no/outcome.json`)).rejects.toMatchObject({ type: 'ResourceMissing' });
  });

  it('is tried again while the database cannot be reached', async () => {
    const gone = new Pool({ host: '127.0.0.1', port: 1 });
    ledger = createLedgerActivities({ s3: world.s3, ledger: async () => createLedger(gone) });
    const { uri } = await writeRun();
    await expect(index(uri)).rejects.toMatchObject({ type: 'LedgerUnavailable', nonRetryable: false });
    await gone.end();
  });
});

it('forgets what was live on an endpoint that is deleted', async () => {
  const { uri, endpoint = '' } = await writeRun();
  await index(uri);
  expect(await createLedger(pool).liveDeployment(endpoint)).toBeDefined();
  await runActivity(ledger.indexEndpointDeleted, { endpoint, at: '2026-01-20T00:00:00.000Z' });
  expect(await createLedger(pool).liveDeployment(endpoint)).toBeUndefined();
});

it('answers no run that it does not know', async () => {
  expect(await runActivity(ledger.showRun, { run: 'retrain/none/2026' })).toEqual({ run: undefined });
});

describe('rebuildLedger', () => {
  it('makes the index again from S3 alone', async () => {
    const runs = [await writeRun(), await writeRun(), await writeRun({ outcome: 'Trained' })];
    await index((runs[0] as { uri: string }).uri);
    // A run that goes on has a file record and no outcome yet.
    await write(fileRecordKey(OUTPUT, '2026-02-01T00:00:00.000Z'), { version: 1 });
    const source = { bucket: world.bucket, output: OUTPUT };
    expect(await runActivity(ledger.rebuildLedger, { sources: [source, source] })).toEqual({ runs: 3, files: 1 });
    expect(new Set((await list()).map(({ run }) => run))).toEqual(new Set(runs.map(({ run }) => run)));
  });

  it('keeps the old index when a bucket cannot be read', async () => {
    const { uri, run } = await writeRun();
    await index(uri);
    const sources = [{ bucket: 'perennial-no-such-bucket', output: OUTPUT }];
    await expect(runActivity(ledger.rebuildLedger, { sources })).rejects.toMatchObject({ type: 'ResourceMissing' });
    expect(await list()).toMatchObject([{ run }]);
  });
});
