import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/local.js';
import { type Fixture, ROLE, startFixture } from './fixtures/redshift.js';

let fixture: Fixture;
let client: pg.Client;
beforeAll(async () => {
  fixture = await startFixture();
  client = await fixture.session();
});
afterAll(() => fixture.stop());

describe('protocol', () => {
  it('carries out statements with parameters, and Redshift’s own as prepared ones, in order', async () => {
    await client.query('CREATE TABLE pairs (a int, b text)');
    await fixture.put('ext/a', '1|x\n');
    const sql = `COPY pairs FROM 's3://${fixture.bucket}/ext/' IAM_ROLE '${ROLE}'`;
    await client.query({ text: sql, values: [], name: 'load' });
    await client.query({ text: sql, values: [], name: 'load' });
    const { rows } = await client.query('SELECT count(*)::int AS n, $1::text AS given FROM pairs', ['p']);
    expect(rows).toEqual([{ n: 2, given: 'p' }]);
    const missing = {
      text: `UNLOAD ('SELECT 1') TO 's3://no-such-bucket/x' IAM_ROLE '${ROLE}'`,
      values: [],
      name: 'bad',
    };
    await expect(client.query(missing)).rejects.toMatchObject({ code: 'XX000', message: /NoSuchBucket/ });
    await expect(client.query({ text: sql, values: ['extra'], name: 'params' })).rejects.toMatchObject({
      code: '08P01',
    });
    expect((await client.query('SELECT $1::int AS one', [1])).rows).toEqual([{ one: 1 }]);
  });

  it('carries out several statements of one query in one transaction', async () => {
    await client.query('CREATE TABLE pieces (a int)');
    const load = `COPY pieces FROM 's3://${fixture.bucket}/nowhere/' IAM_ROLE '${ROLE}'`;
    await expect(client.query(`INSERT INTO pieces VALUES (1); ${load}; INSERT INTO pieces VALUES (2)`)).rejects.toThrow(
      /does not exist/,
    );
    expect((await client.query('SELECT * FROM pieces')).rows).toEqual([]);
    await client.query(
      `INSERT INTO pieces VALUES (1); SET query_group TO 'g'; INSERT INTO pieces VALUES (2); RESET query_group`,
    );
    expect((await client.query('SELECT * FROM pieces ORDER BY a')).rows).toEqual([{ a: 1 }, { a: 2 }]);
    expect((await fixture.statements('g')).map(({ text }) => text)).toEqual([
      'INSERT INTO pieces VALUES (2)',
      'RESET query_group',
    ]);
  });

  it('answers without waiting for acknowledgements', async () => {
    const started = performance.now();
    for (let at = 0; at < 100; at += 1) await client.query('SELECT 1');
    // A delayed acknowledgement in each takes 40 ms.
    expect(performance.now() - started).toBeLessThan(3_500);
  });

  it('hands on large results and long rows', async () => {
    const { rows } = await client.query("SELECT i, repeat('x', i % 3000) AS x FROM generate_series(1, 20000) i");
    expect(rows).toHaveLength(20_000);
    expect((await client.query("SELECT repeat('y', 3000000) AS y")).rows[0].y).toHaveLength(3_000_000);
  });
});

describe('history', () => {
  it('shows a labelled statement while it runs and after, cancelled by its process', async () => {
    const runner = await fixture.session();
    await runner.query("SET query_group TO 'slow'");
    const running = runner.query('SELECT pg_sleep(60)');
    running.catch(() => undefined);
    const look = async () =>
      (
        await client.query(
          "SELECT trim(status) AS status, session_id, trim(query_text) AS text FROM sys_query_history WHERE query_label = 'slow'",
        )
      ).rows;
    await until('it runs', async () => (await look()).length === 1);
    const [seen] = await look();
    expect(seen).toMatchObject({ status: 'running', text: 'SELECT pg_sleep(60)' });
    expect((await client.query('SELECT pg_cancel_backend($1) AS done', [seen.session_id])).rows).toEqual([
      { done: true },
    ]);
    await expect(running).rejects.toMatchObject({ code: '57014' });
    expect(await look()).toMatchObject([{ status: 'canceled' }]);
    expect((await runner.query('SELECT pg_backend_pid() AS pid')).rows).toEqual([{ pid: seen.session_id }]);
    await client.query('SELECT pg_terminate_backend($1)', [seen.session_id]);
    await expect(runner.query('SELECT 1')).rejects.toThrow();
  });

  it('shows users their own statements only, and never a password', async () => {
    const name = `viewer_${fixture.database.slice(-8)}`;
    const viewer = await fixture.session(name);
    await client.query(`ALTER USER ${name} PASSWORD 'Secret-1'`);
    const { rows } = await viewer.query(
      'SELECT DISTINCT u.usename FROM sys_query_history q JOIN pg_user u ON u.usesysid = q.user_id',
    );
    expect(rows).toEqual([{ usename: name }]);
    const text = JSON.stringify(await fixture.statements());
    expect(text).toContain("PASSWORD '***'");
    expect(text).not.toContain('Secret-1');
    await viewer.end();
    await client.query(`DROP USER ${name}`);
  });

  it('has the label of a transaction until that is rolled back', async () => {
    await client.query('BEGIN');
    await client.query("SET query_group TO 'gone'");
    await client.query('SELECT 1');
    await client.query('ROLLBACK');
    await client.query('SELECT 2');
    expect((await fixture.statements('gone')).map(({ text }) => text)).toEqual(['SELECT 1', 'ROLLBACK']);
  });

  it('says success of an UNLOAD whose client was gone before it ended', async () => {
    const runner = await fixture.session();
    await runner.query("SET query_group TO 'orphan'");
    const sql = `UNLOAD ('SELECT 1, pg_sleep(1)') TO 's3://${fixture.bucket}/orphan/' IAM_ROLE '${ROLE}' CSV MANIFEST PARALLEL OFF`;
    runner.query(sql).catch(() => undefined);
    await until('it runs', async () => (await fixture.statements('orphan'))[0]?.status === 'running');
    (runner as unknown as { connection: pg.Connection }).connection.stream.destroy();
    await until('it has ended', async () => (await fixture.statements('orphan'))[0]?.status === 'success');
    expect(await fixture.keys('orphan/')).toEqual(['orphan/000', 'orphan/manifest']);
    expect((await fixture.statements('orphan')).at(0)).toMatchObject({ rows: 1, type: 'UNLOAD', text: sql });
  });
});

describe('SQL', () => {
  it('takes what tables of Redshift say beyond PostgreSQL’s, and leaves strings, comments and names alone', async () => {
    await client.query(`CREATE TABLE IF NOT EXISTS shaped (
        id bigint IDENTITY(1,1) ENCODE az64, encode varchar(max) DEFAULT 'a SORTKEY b' ENCODE lzo, -- DISTKEY
        day date NOT NULL SORTKEY, at timestamp DEFAULT sysdate, PRIMARY KEY(id)
      ) BACKUP NO DISTSTYLE KEY DISTKEY (id) COMPOUND SORTKEY (day, id)`);
    await client.query("INSERT INTO shaped (day) VALUES (dateadd(month, 1, '2020-01-31'))");
    const { rows } = await client.query(
      "SELECT id, encode, day::text, datediff(hour, at, getdate()) AS h, nvl(NULL, 5) AS five, ' sysdate' AS s FROM shaped",
    );
    expect(rows).toEqual([{ id: '1', encode: 'a SORTKEY b', day: '2020-02-29', h: '0', five: 5, s: ' sysdate' }]);
    await client.query('CREATE TABLE copied DISTSTYLE EVEN SORTKEY(day) AS SELECT day, 1 AS backup FROM shaped');
    expect((await client.query('SELECT backup FROM copied')).rows).toEqual([{ backup: 1 }]);
    await expect(client.query('SELECT listagg(day) FROM copied')).rejects.toMatchObject({ code: '42883' });
  });

  it.each([
    ["datediff(week, '2020-01-03', '2020-01-05')", '1'],
    ["datediff(qtr, '2019-12-31', '2020-01-01')", '1'],
    ["datediff(minute, '2020-01-01 10:00:59', '2020-01-01 10:01:00')", '1'],
    ["convert_timezone('Asia/Tokyo', '2020-01-01 00:00')::text", '2020-01-01 09:00:00'],
    ["len('abc')::text", '3'],
    ["nvl2(1, 'a', 'b')", 'a'],
  ])('%s is %s', async (expression, value) => {
    expect((await client.query(`SELECT ${expression} AS v`)).rows).toEqual([{ v: value }]);
  });
});

it('keeps tables, history and certificate over a restart, ends what ran, and forgets credentials', async () => {
  await client.query('CREATE TABLE kept AS SELECT 42 AS value');
  const runner = await fixture.session();
  await runner.query("SET query_group TO 'cut'");
  const running = runner.query('SELECT pg_sleep(60)');
  running.catch(() => undefined);
  await until('it runs', async () => (await fixture.statements('cut'))[0]?.status === 'running');
  const { DbUser, DbPassword } = await fixture.issue();
  await fixture.restart();
  await expect(running).rejects.toThrow();
  await expect(fixture.connect(DbUser, DbPassword)).rejects.toMatchObject({ code: '28000' });
  client = await fixture.session();
  expect((await client.query('SELECT value FROM kept')).rows).toEqual([{ value: 42 }]);
  expect(await fixture.statements('cut')).toMatchObject([{ status: 'failed', errorCode: '57P01' }]);
});
