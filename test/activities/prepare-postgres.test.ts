import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf } from './support/local-sagemaker.js';
import { startPostgresWorld, type PostgresWorld } from './support/postgres-world.js';
import { runActivity } from './support/world.js';

let world: PostgresWorld;
beforeAll(async () => {
  world = await startPostgresWorld();
  await world.admin.query(`
    CREATE TABLE sales (price numeric(8,2), id int, note text);
    INSERT INTO sales VALUES (10.50, 1, 'plain'), (20, 2, 'with "quotes", and a comma'), (30, 3, E'two\\nlines\\r\\n"and" more'),
      (40, 4, NULL), (50, 5, ''), (60, 6, 'it''s'), (NULL, 7, 'häßlich 😀');`);
});
afterAll(() => world.stop());

const ALL = 'SELECT price, id, note FROM sales ORDER BY id';
const NUMBERS = 'SELECT price, id FROM sales WHERE price IS NOT NULL ORDER BY id';
/** What COPY makes of ALL (PostgreSQL documentation, COPY: CSV format). */
const CSV = [
  '10.50,1,plain\n20.00,2,"with ""quotes"", and a comma"\n30.00,3,"two\nlines\r\n""and"" more"\n',
  '40.00,4,\n50.00,5,""\n60.00,6,it\'s\n,7,häßlich 😀\n',
].join('');

describe('preparing in PostgreSQL', () => {
  it('checks, exports and publishes, byte for byte as COPY writes it, encrypted with the key that an alias names', async () => {
    const work = world.input(`${NUMBERS};`, {
      parameters: { since: { type: 'date', value: '${windowStart}' } },
      setup: [{ file: 'setup.sql', sql: 'CREATE TABLE IF NOT EXISTS made (on_day date); TRUNCATE made' }],
      checks: [
        { name: 'sales', rows: 'sales', min: 7, max: 7 },
        {
          name: 'since',
          query: { file: 's.sql', sql: 'SELECT extract(day FROM since) FROM perennial_parameters' },
          min: 2,
          max: 2,
        },
      ],
    });
    expect(await runActivity(world.activities.loadWarehouse, work)).toMatchObject({ loads: [] });
    expect((await runActivity(world.activities.checkWarehouse, work)).checks).toEqual([
      { name: 'sales', values: [7], ok: true },
      { name: 'since', values: [2], ok: true },
    ]);
    const { exported, published, rows } = await world.prepared(work);
    expect(rows).toBe('10.50,1\n20.00,2\n30.00,3\n40.00,4\n50.00,5\n60.00,6\n');
    expect(exported).toMatchObject({ rows: 6, columns: 2, parts: 1, bytes: rows.length, attached: false });
    expect(published).toMatchObject({ rows: 6, suppressed: 0, label: { name: 'price', min: 10.5, max: 60 } });
    const [Key = ''] = await world.published();
    const head = await world.s3.send(new HeadObjectCommand({ Bucket: world.bucket, Key }));
    // S3 says which key it is, MiniStack by which name it was asked for.
    expect(head.ServerSideEncryption).toBe('aws:kms');
    expect([world.key, world.alias]).toContain(head.SSEKMSKeyId);
    expect(await world.parts(work)).toEqual([]);
  });

  it('publishes anew where what lies there was changed in place', async () => {
    const asOf = '2026-01-08';
    await world.prepared(world.input(NUMBERS, {}, { asOf }));
    const { s3, bucket: Bucket } = world;
    const [Key = ''] = await world.published(asOf);
    const { Metadata } = await s3.send(new HeadObjectCommand({ Bucket, Key }));
    await s3.send(new PutObjectCommand({ Bucket, Key, Metadata, Body: '10.50,1\n' }));
    const { published, rows } = await world.prepared(world.input(NUMBERS, {}, { asOf }));
    expect(published).toMatchObject({ rows: 6, unchanged: false, replaced: 1 });
    expect(rows.match(/\n/g)).toHaveLength(6);
  });

  it('keeps quotes, line ends within them, nulls and letters of any kind, and takes no row for two', async () => {
    const work = world.input(`${ALL} -- a comment at the end`, {}, { asOf: '2026-01-05' });
    expect(await world.exported(work)).toMatchObject({ rows: 7, parts: 1, bytes: Buffer.byteLength(CSV) });
    const [part = ''] = await world.parts(work);
    expect(await world.text(part)).toBe(CSV);
    const head = await world.s3.send(new HeadObjectCommand({ Bucket: world.bucket, Key: part }));
    expect(head.ServerSideEncryption).toBe('aws:kms');
    expect(world.key.endsWith(head.SSEKMSKeyId ?? 'none')).toBe(true);
  });

  it('cuts at ends of rows alone, and loses none at the end of a part or of an object', async () => {
    // Rows of 3 KB with a line end in quotes each, and one of 9 MB in the midst: longer than an object, and than a part of an upload.
    const sql = `SELECT i AS price, repeat(E'x\\ny"', CASE WHEN i = 1500 THEN 2300000 ELSE 700 END) AS note FROM generate_series(1, 3000) AS i`;
    const work = world.input(sql, { maxFileMiB: 5 }, { asOf: '2026-01-06' });
    const exported = await world.exported(work);
    const texts = await Promise.all((await world.parts(work)).map(world.text));
    const row = (i: number) => `${i},"${'x\ny""'.repeat(i === 1500 ? 2_300_000 : 700)}"\n`;
    const expected = Array.from({ length: 3_000 }, (_, index) => row(index + 1)).join('');
    expect(exported).toMatchObject({ rows: 3_000, parts: texts.length, bytes: expected.length });
    expect(texts.join('') === expected).toBe(true);
    expect(texts.length).toBeGreaterThan(3);
    for (const text of texts) expect(text.slice(0, 8)).toMatch(/^\d+,"x/);
    // Each is as long as was asked, and no more than a row longer, but the last.
    for (const text of texts.slice(0, -1)) expect(text.length).toBeGreaterThanOrEqual(5 * 1_048_576);
    await runActivity(world.activities.discardExport, work);
    expect(await world.parts(work)).toEqual([]);
  });

  it('exports one row, one column that is null, and refuses none', async () => {
    expect(await world.exported(world.input('SELECT 1 AS price'))).toMatchObject({ rows: 1, parts: 1, bytes: 2 });
    const nulls = world.input('SELECT NULL AS price FROM generate_series(1, 3)');
    expect(await world.exported(nulls)).toMatchObject({ rows: 3, bytes: 3 });
    const work = world.input('SELECT price FROM sales WHERE false');
    const failure = await failureOf(world.exported(work));
    expect([failure.type, failure.message]).toEqual(['DataInvalid', expect.stringContaining('answers no rows')]);
    expect(await world.parts(work)).toEqual([]);
  });

  it('looks at the label before it exports anything', async () => {
    const work = world.input('SELECT id, price FROM sales, pg_sleep(60)');
    const failure = await failureOf(world.exported(work));
    expect([failure.type, failure.message]).toEqual([
      'DefinitionInvalid',
      expect.stringContaining('the first column of query.sql is id and not the label price'),
    ]);
    expect(await world.parts(work)).toEqual([]);
  });

  it.each([
    [
      'in the midst of the rows',
      'SELECT 1000 / (90000 - i) AS price FROM generate_series(1, 100000) AS i',
      'DataInvalid',
      /the data does not fit \(SQLSTATE 22012\)/,
    ],
    ['before the first', 'SELECT price FROM nowhere', 'DefinitionInvalid', /"nowhere" does not exist/],
  ] as const)('leaves nothing of a query that fails %s', async (_when, sql, type, message) => {
    const work = world.input(sql, { maxFileMiB: 5 });
    const failure = await failureOf(world.exported(work));
    expect([failure.type, failure.message]).toEqual([type, expect.stringMatching(message)]);
    expect([await world.parts(work), await world.uploads(work), await world.statements(work)]).toEqual([[], [], []]);
  });
});
