import {
  CopyObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { RedshiftClient } from '@aws-sdk/client-redshift';
import { RedshiftServerlessClient } from '@aws-sdk/client-redshift-serverless';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMirroring } from '../../activities/mounts/mirror.js';
import { createPrepareActivities } from '../../activities/prepare/index.js';
import { createRowActivities } from '../../activities/rows/index.js';
import type { PrepareActivities, PrepareInput } from '../../contracts/prepare.js';
import type { PurgeWork, TargetLine } from '../../contracts/purge/index.js';
import { storageSchema } from '../../contracts/storage/index.js';
import { ROLE, startFixture, type Fixture } from '../local/fixtures/redshift.js';
import { failureOf } from './support/local-sagemaker.js';
import { s3Before } from './support/prepare-world.js';
import { startPostgresWorld, type Prepare, type PostgresWorld } from './support/postgres-world.js';
import { AWS, runActivity } from './support/world.js';

/** People as they stand in a table: the second column says who. Whom a purge of WHO takes is told by the third one. */
const PEOPLE = [
  `(1.0, 'anna', 'gone')`,
  `(2.0, 'anna ', 'gone')`,
  `(3.0, 'Anna', 'kept')`,
  `(4.0, 'anna, or "bob"', 'gone')`,
  `(5.0, 'jose' || chr(769), 'gone')`,
  `(6.0, 'jos' || chr(233), 'gone')`,
  `(7.0, 'jose', 'kept')`,
  `(8.0, '42', 'gone')`,
  `(9.0, '42.00', 'kept')`,
  `(10.0, '042', 'kept')`,
  `(11.0, 'annabel', 'kept')`,
  `(12.0, NULL, 'kept')`,
  `(13.0, '', 'kept')`,
  `(14.0, 'two' || chr(10) || 'lines', 'gone')`,
];
const WHO = ['anna', 'anna, or "bob"', 'jos\u00e9', '42', ' two\nlines '];
const GONE = PEOPLE.filter((one) => one.includes("'gone'")).length;
const QUERY = 'SELECT price, who, fate FROM people ORDER BY price';

let world: PostgresWorld;
let fixture: Fixture;
let unloading: PrepareActivities;
const closing: { destroy(): void }[] = [];
const fill = `CREATE TABLE people (price numeric(8,2), who varchar(64), fate varchar(8)); INSERT INTO people VALUES ${PEOPLE.join(', ')}`;
beforeAll(async () => {
  [world, fixture] = await Promise.all([startPostgresWorld(), startFixture()]);
  await world.admin.query(fill);
  const master = await fixture.session();
  await master.query(fill);
  const own = { ...AWS, endpoint: fixture.redshift.url };
  const [redshift, redshiftServerless] = [new RedshiftClient(own), new RedshiftServerlessClient(own)];
  closing.push(redshift, redshiftServerless);
  const { s3, kms, ssm, hashes } = world;
  unloading = createPrepareActivities({ s3, kms, ssm, hashes, redshift, redshiftServerless });
});
afterAll(async () => {
  for (const client of closing) client.destroy();
  await Promise.all([world.stop(), fixture.stop()]);
});

/** Erases rows by value as a purge does; answers how many rows went. */
async function erase(targets: readonly TargetLine[], values: readonly string[], column = 2): Promise<number> {
  const { s3, bucket, hashes } = world;
  const Key = `_perennial/targets/${randomUUID()}.jsonl`;
  const Body = [...targets, ...values.map((value) => ({ value }))].map((line) => `${JSON.stringify(line)}\n`).join('');
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
  const work: PurgeWork = {
    ref: { request: 'r-1', execution: randomUUID(), startedAt: new Date().toISOString() },
    storage: storageSchema.parse({ storage: { records: { bucket } } }).storage,
    targetsUri: `s3://${bucket}/${Key}`,
    options: { column },
  };
  const rows = createRowActivities({ s3, hashes, mirroring: createMirroring({ s3, hashes }) });
  const { rows: erased, blocked } = await runActivity(rows.eraseRows, work);
  expect(blocked).toEqual([]);
  return erased;
}

/** Of a model of its own, whose data no other test's purge concerns. */
function input(model: string, sql = QUERY, asOf = '2026-01-04', redshift: Partial<Prepare> = {}): PrepareInput {
  const { definition, ref, ...rest } = world.input(sql, redshift);
  const data = { ...definition.data, prefix: `data/${model}/train/`, output: `models/50%25+é/${model}/` };
  return { ...rest, ref, definition: { ...definition, data }, asOf };
}
const redshift = () => ({
  ...{ urlParameter: undefined, role: ROLE, ca: join(fixture.stateDir, 'ca.pem') },
  cluster: { identifier: 'local', database: fixture.database, user: 'awsuser' },
});

async function prepared(activities: PrepareActivities, work: PrepareInput) {
  const exported = await runActivity(activities.exportQuery, work);
  const published = await runActivity(activities.publishExport, { ...work, exported });
  const found = await world.keys(`${work.definition.data.prefix}${work.asOf}/`);
  return { published, rows: (await Promise.all(found.map(world.text))).join(''), keys: found };
}

const numbers = (csv: string) =>
  [...csv.matchAll(/^(\d+\.00),/gm)].map(([, price]) => Number(price)).sort((a, b) => a - b);
const KEPT = PEOPLE.flatMap((one, index) => (one.includes("'kept'") ? [index + 1] : []));

describe.each([
  ['streamed from PostgreSQL', () => world.activities, () => ({})],
  ['unloaded by Redshift', () => unloading, redshift],
] as const)('rows that an erasure request suppressed, %s', (_way, activities, connection) => {
  const model = () => (connection === redshift ? 'unloaded' : 'streamed');

  it('do not come back: those very rows that the purge of rows takes, byte for byte, and they are counted', async () => {
    const first = await prepared(activities(), input(model(), QUERY, '2026-01-04', connection()));
    expect(first.published).toMatchObject({ rows: PEOPLE.length, suppressed: 0 });
    expect(await erase([{ bucket: world.bucket, prefix: `data/${model()}/train/` }], WHO)).toBe(GONE);
    const [left, ...others] = await Promise.all(
      (await world.keys(`data/${model()}/train/2026-01-04/`)).map(world.text),
    );
    const again = await prepared(activities(), input(model(), QUERY, '2026-01-05', connection()));
    expect(again.rows).toBe([left, ...others].join(''));
    expect(numbers(again.rows)).toEqual(KEPT);
    expect(again.published).toMatchObject({
      ...{ rows: KEPT.length, suppressed: GONE, bytes: Buffer.byteLength(again.rows) },
      // Of the rows that are left alone.
      label: { min: 3, max: 13, mean: KEPT.reduce((sum, one) => sum + one, 0) / KEPT.length },
    });
    // Neither what was exported nor what was filtered is left where the run wrote it.
    expect((await world.keys(`models/50%25+é/${model()}/runs/`)).filter((one) => /data_|clean_/.test(one))).toEqual([]);
  });

  it('do not come back to the same date either, and what is left is not taken for new', async () => {
    const { published } = await prepared(activities(), input(model(), QUERY, '2026-01-05', connection()));
    expect(published).toMatchObject({ unchanged: true, replaced: 0, rows: KEPT.length, suppressed: GONE });
  });
});

describe('rows that an erasure request suppressed', () => {
  it('do not come to the dates after the one whose objects were named', async () => {
    const first = await prepared(world.activities, input('dated'));
    expect(await erase([{ bucket: world.bucket, key: first.keys[0] ?? '' }], ['anna'])).toBe(2);
    const next = await prepared(world.activities, input('dated', QUERY, '2026-01-05'));
    expect(next.published).toMatchObject({ rows: PEOPLE.length - 2, suppressed: 2 });
    // Nor is anybody else's data concerned.
    expect((await prepared(world.activities, input('other'))).published).toMatchObject({ suppressed: 0 });
  });

  it('go by each column that a request named, over all parts of an export', async () => {
    const sql = `SELECT i AS price, 'p' || i % 100 AS who, 'city ' || i % 10 AS city, repeat('x', 2700) AS filling FROM generate_series(1, 2000) AS i`;
    // Before there is any data of theirs.
    const targets = [{ bucket: world.bucket, prefix: 'data/parts/' }];
    expect(await erase(targets, ['p7', 'p11'], 2)).toBe(0);
    expect(await erase(targets, ['city 3'], 3)).toBe(0);
    const { published, rows } = await prepared(world.activities, input('parts', sql, '2026-01-05', { maxFileMiB: 5 }));
    expect(published).toMatchObject({ parts: 2, rows: 1_760, suppressed: 240, bytes: rows.length });
    expect(rows).not.toMatch(/,p7,|,p11,|,city 3,/);
    expect(rows.match(/\n/g)).toHaveLength(1_760);
  });

  it('leave nothing to publish if they are all, and say so', async () => {
    const sql = `SELECT 1 AS price, 'carla' AS who`;
    await prepared(world.activities, input('all', sql));
    expect(await erase([{ bucket: world.bucket, prefix: 'data/all/' }], ['carla'])).toBe(1);
    const work = input('all', sql, '2026-01-05');
    const failure = await failureOf(prepared(world.activities, work));
    expect([failure.type, failure.message]).toEqual([
      'DataInvalid',
      expect.stringContaining('none that no erasure request suppressed'),
    ]);
    expect(await world.keys('data/all/train/2026-01-05/')).toEqual([]);
    await runActivity(world.activities.discardExport, work);
    expect(await world.parts(work)).toEqual([]);
  });

  it('do not come back by a publication that has looked for them before, not even as old versions', async () => {
    const { s3, bucket } = world;
    await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const work = input('meanwhile');
    const exported = await runActivity(world.activities.exportQuery, work);
    const Prefix = 'data/meanwhile/train/';
    let erased: number | undefined;
    const between = s3Before(s3, async (command) => {
      if (!(command instanceof CopyObjectCommand) || erased !== undefined) return;
      // It finds nothing yet.
      erased = await erase([{ bucket, prefix: Prefix }], WHO);
    });
    const published = await runActivity(world.over(between).publishExport, { ...work, exported });
    expect([erased, published]).toEqual([0, expect.objectContaining({ rows: KEPT.length, suppressed: GONE })]);
    const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix }));
    expect(Versions).toHaveLength(1);
    expect(numbers(await world.text(Versions[0]?.Key ?? ''))).toEqual(KEPT);
  });

  it('stop the publication of what can not be searched for them', async () => {
    const sql = `SELECT 1 AS price, repeat('x', 1100000) AS who`;
    await erase([{ bucket: world.bucket, prefix: 'data/long/' }], ['carla']);
    const failure = await failureOf(prepared(world.activities, input('long', sql)));
    expect([failure.type, failure.message]).toEqual([
      'DataInvalid',
      expect.stringMatching(/can't be searched for rows .*max record size.*Nothing was published/),
    ]);
    expect(await world.keys('data/long/train/')).toEqual([]);
  });
});
