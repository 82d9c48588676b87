import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { HeadObjectCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { gunzipSync, gzipSync } from 'node:zlib';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/local.js';
import { type Fixture, ROLE, startFixture } from './fixtures/redshift.js';

let fixture: Fixture;
let client: pg.Client;
beforeAll(async () => {
  fixture = await startFixture();
  client = await fixture.session();
  await client.query('CREATE TABLE t (id integer, name varchar(20), day date)');
});
afterAll(() => fixture.stop());

const copy = (key: string, options: string) =>
  client.query(`copy t from 's3://${fixture.bucket}/${key}' iam_role '${ROLE}' ${options}`);
const unload = (query: string, key: string, options: string, by: pg.Client = client) =>
  by.query(`UNLOAD ($$${query}$$) TO 's3://${fixture.bucket}/${key}' IAM_ROLE '${ROLE}' ${options}`);

describe('COPY', () => {
  const loaded = async () => {
    const { rows } = await client.query('SELECT id, name, day::text FROM t ORDER BY id');
    await client.query('DELETE FROM t');
    return rows.map(({ id, name, day }) => [id, name, day]);
  };

  it.each([
    [
      'delimited: nulls and empties',
      '1||\n2|\\N|2020-01-02\n',
      '',
      [
        [1, '', null],
        [2, null, '2020-01-02'],
      ],
    ],
    [
      'EMPTYASNULL and NULL AS',
      '1||\n2|none|none\n',
      "emptyasnull null as 'none'",
      [
        [1, null, null],
        [2, null, null],
      ],
    ],
    ['BLANKSASNULL', '1|  |2020-01-02', 'BLANKSASNULL', [[1, null, '2020-01-02']]],
    ['a tab, as it may be written', '1\ta\t2020-01-02\r\n', "delimiter as '\\t'", [[1, 'a', '2020-01-02']]],
    [
      'CSV with quotes',
      'id,name,day\n1,"a ""b"",\nc",2020-01-02\n',
      'ignoreheader as 1 format as csv',
      [[1, 'a "b",\nc', '2020-01-02']],
    ],
    ['a backslash is itself', '1|a\\tb|\n', '', [[1, 'a\\tb', null]]],
    ['DATEFORMAT', '1|a|31.12.2019\n', "DATEFORMAT AS 'DD.MM.YYYY' REGION 'us-east-1'", [[1, 'a', '2019-12-31']]],
    ['DATEFORMAT auto', '1|a|12/31/2019\n', "DATEFORMAT 'auto'", [[1, 'a', '2019-12-31']]],
    ['text beyond ASCII', '1|Zürich ☂|\n', '', [[1, 'Zürich ☂', null]]],
    ['ACCEPTINVCHARS', Buffer.from([0x31, 0x7c, 0x61, 0xff, 0x7c, 0x0a]), "ACCEPTINVCHARS '_'", [[1, 'a_', null]]],
    ['GZIP', gzipSync('1|a|\n'), 'GZIP', [[1, 'a', null]]],
  ] as const)('%s', async (name, body, options, rows) => {
    const key = `copy/${name.replace(/\W/g, '')}`;
    await fixture.put(key, body as string | Buffer);
    await copy(key, options);
    expect(await loaded()).toEqual(rows);
  });

  it('reads what a manifest names, and fails where a mandatory object is missing', async () => {
    await fixture.put('m/a', '1|a|\n');
    const url = (key: string) => `s3://${fixture.bucket}/${key}`;
    const manifest = (mandatory: boolean) =>
      JSON.stringify({
        entries: [
          { url: url('m/a'), mandatory: true },
          { url: url('m/missing'), mandatory },
        ],
      });
    await fixture.put('m/lenient', manifest(false));
    await fixture.put('m/strict', manifest(true));
    await copy('m/lenient', 'MANIFEST');
    expect(await loaded()).toEqual([[1, 'a', null]]);
    await expect(copy('m/strict', 'MANIFEST')).rejects.toMatchObject({ message: expect.stringMatching(/NoSuchKey/) });
    expect(await loaded()).toEqual([]);
  });

  it('takes part in the transaction, which an error of its own leaves failed', async () => {
    await fixture.put('tx/a', '1|a|\n');
    await client.query('BEGIN');
    await client.query("INSERT INTO t VALUES (0, 'before', NULL)");
    await copy('tx/a', '');
    expect((await client.query('SELECT count(*)::int AS n FROM t')).rows).toEqual([{ n: 2 }]);
    await client.query('ROLLBACK');
    expect(await loaded()).toEqual([]);
    await client.query('BEGIN');
    await expect(copy('nothing/here', '')).rejects.toMatchObject({
      message: "The specified S3 prefix 'nothing/here' does not exist",
      detail: expect.stringContaining('8001'),
    });
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
    await client.query('ROLLBACK');
  });

  it.each([
    ['a value of another type', '1|a|\nx|b|\n', 2, 'id'],
    ['too few fields', '1|a|\n\n', 2, ''],
    ['too many fields', '1|a||\n', 1, ''],
    ['a date in another format', '1|a|2020-01-02\n', 1, 'day'],
  ])('names neither row nor value for %s; stl_load_errors has the place', async (name, body, line, column) => {
    const key = `bad/${name.replace(/\W/g, '')}`;
    await fixture.put(key, body);
    const options = name.startsWith('a date') ? "DATEFORMAT 'MM/DD/YYYY'" : '';
    await expect(copy(key, options)).rejects.toMatchObject({
      code: 'XX000',
      message: "Load into table 't' failed.  Check 'stl_load_errors' system table for details.",
    });
    const { rows } = await client.query(
      'SELECT trim(filename) AS file, line_number::int AS line, trim(colname) AS "column" FROM stl_load_errors ORDER BY query DESC LIMIT 1',
    );
    expect(rows).toEqual([{ file: `s3://${fixture.bucket}/${key}`, line, column }]);
    expect(await loaded()).toEqual([]);
  });

  it.each([
    ['copy t from stdin', /LOAD source is not supported/],
    ["copy t to 's3://a/b'", /syntax error at or near "to"/],
    [`copy t from 's3://a/b' iam_role '${ROLE}' parquet`, /option PARQUET is not one/],
    [`copy t from 's3://a/b' iam_role '${ROLE}' csv csv`, /redundant options: CSV/],
    [`copy t from 's3://a/b' csv`, /needs an authorization/],
    [`copy t (other) from 's3://a/b' iam_role '${ROLE}'`, /column "other" of relation "t" does not exist/],
    [`copy missing from 's3://a/b' iam_role '${ROLE}'`, /relation "missing" does not exist/],
  ])('refuses %s', async (sql, message) => {
    await expect(client.query(sql)).rejects.toThrow(message);
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });
});

describe('UNLOAD', () => {
  const two = "SELECT 1 AS a, 'x|y' AS b UNION ALL SELECT 2, NULL ORDER BY 1";

  it.each([
    ['delimited', "NULL AS 'nil' HEADER", 'a|b\n1|x|y\n2|nil\n'],
    ['quoted', 'ADDQUOTES', '"1"|"x|y"\n"2"|\n'],
    ['csv', "FORMAT AS CSV DELIMITER AS '|'", '1|"x|y"\n2|\n'],
  ])('writes %s', async (name, options, text) => {
    await unload(two, `f/${name}/`, `${options} PARALLEL OFF`);
    expect(await fixture.text(`f/${name}/000`)).toBe(text);
  });

  it('writes slices and parts, encrypted with a key, the manifest too', async () => {
    const { KeyMetadata } = await fixture.kms.send(new CreateKeyCommand({}));
    const wide = "SELECT repeat('x', 1000) AS a FROM generate_series(1, 12000)";
    await unload(wide, 'big/p_', `CSV MANIFEST ENCRYPTED KMS_KEY_ID '${KeyMetadata?.KeyId}' MAXFILESIZE 5 MB`);
    const keys = [
      'big/p_0000_part_00',
      'big/p_0000_part_01',
      'big/p_0001_part_00',
      'big/p_0001_part_01',
      'big/p_manifest',
    ];
    expect(await fixture.keys('big/')).toEqual(keys);
    const { entries } = JSON.parse(await fixture.text('big/p_manifest')) as {
      entries: { url: string; meta: { content_length: number } }[];
    };
    let total = 0;
    for (const { url, meta } of entries) {
      const head = { Bucket: fixture.bucket, Key: url.slice(`s3://${fixture.bucket}/`.length) };
      const { ContentLength, ServerSideEncryption } = await fixture.s3.send(new HeadObjectCommand(head));
      expect([ContentLength, ServerSideEncryption]).toEqual([meta.content_length, 'aws:kms']);
      total += meta.content_length;
    }
    expect(total).toBe(12_000 * 1_001);
    const head = await fixture.s3.send(new HeadObjectCommand({ Bucket: fixture.bucket, Key: 'big/p_manifest' }));
    expect(head.SSEKMSKeyId).toContain(KeyMetadata?.KeyId);
    expect((await client.query('SELECT pg_last_unload_count() AS n')).rows).toEqual([{ n: '12000' }]);
  });

  it('compresses', async () => {
    await unload('SELECT 1', 'gz/', 'GZIP PARALLEL OFF');
    const body = await (await fixture.object('gz/000.gz')).Body?.transformToByteArray();
    expect(gunzipSync(body ?? Buffer.alloc(0)).toString()).toBe('1\n');
  });

  it('refuses a place that is not empty, unless it may overwrite or clean it', async () => {
    await fixture.put('full/stray', 'x');
    await expect(unload('SELECT 1', 'full/', 'CSV')).rejects.toThrow(
      /^Specified unload destination on S3 is not empty/,
    );
    await unload('SELECT 1', 'full/', "CSV ALLOWOVERWRITE EXTENSION 'csv'");
    expect(await fixture.keys('full/')).toEqual(['full/0000_part_00.csv', 'full/stray']);
    await unload('SELECT 2', 'full/', 'CSV CLEANPATH');
    expect(await fixture.keys('full/')).toEqual(['full/0000_part_00']);
  });

  it('knows the escapes of its query, and Redshift’s functions in it', async () => {
    await client.query(
      `unload ('select nvl(NULL, \\'it\\'\\'s\\') as a, datediff(day, ''2020-01-01'', ''2020-03-01'') -- so') to 's3://${fixture.bucket}/esc/' iam_role '${ROLE}' csv parallel off`,
    );
    expect(await fixture.text('esc/000')).toBe("it's,60\n");
  });

  it.each([
    ['SELECT 1 LIMIT 1', 'CSV', /Limit clause is not supported/],
    ['DELETE FROM t', 'CSV', /takes one SELECT query/],
    ['SELECT 1; SELECT 2', 'CSV', /takes one SELECT query/],
    ['SELECT 1', 'PARQUET', /option PARQUET is not one/],
    ['SELECT 1', 'CSV MAXFILESIZE 1 MB', /between 5 MB and 6\.2 GB/],
    ['SELECT 1', 'CSV ENCRYPTED', /ENCRYPTED needs KMS_KEY_ID/],
    ['SELECT missing', 'CSV', /column "missing" does not exist/],
  ])('refuses %s with %s', async (query, options, message) => {
    await expect(unload(query, 'refused/', options)).rejects.toThrow(message);
    expect(await fixture.keys('refused/')).toEqual([]);
  });

  it('that is cancelled leaves no half file, and no upload', async () => {
    const runner = await fixture.session();
    await runner.query("SET query_group TO 'long'");
    const running = unload(
      "SELECT repeat('x', 1000), pg_sleep(i / 20000) FROM generate_series(1, 10000000) i",
      'long/',
      'CSV',
      runner,
    );
    running.catch(() => undefined);
    const pid = async () =>
      (
        await client.query(
          "SELECT session_id AS pid FROM sys_query_history WHERE query_label = 'long' AND status = 'running'",
        )
      ).rows[0]?.pid;
    await until('it runs', async () => (await pid()) !== undefined);
    await until('an upload is open', async () => (await uploads()) > 0);
    await client.query(`CANCEL ${await pid()}`);
    await expect(running).rejects.toMatchObject({ code: '57014' });
    expect(await fixture.keys('long/')).toEqual([]);
    expect(await uploads()).toBe(0);
    expect(await fixture.statements('long')).toMatchObject([{ status: 'canceled', errorCode: '57014' }]);
  });

  const uploads = async () => {
    const { Uploads } = await fixture.s3.send(new ListMultipartUploadsCommand({ Bucket: fixture.bucket }));
    return (Uploads ?? []).length;
  };
});
