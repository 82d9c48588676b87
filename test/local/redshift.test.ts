import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Fixture, ROLE, startFixture } from './fixtures/redshift.js';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

it('takes temporary credentials to a table, loads it from S3 and unloads it with a manifest', async () => {
  const { bucket } = fixture;
  const client = await fixture.session();
  await client.query('CREATE TABLE sales (id integer DISTKEY, price decimal(8,2), sold timestamp) SORTKEY(sold)');
  await fixture.put('raw/sales_1.txt', '1|2.50|01/31/2008 10:00:01\n2||02/01/2008 00:00:00\n');
  await fixture.put('raw/sales_2.txt', '3|4.00|02/02/2008 23:59:59\n');
  await client.query(
    `COPY sales FROM 's3://${bucket}/raw/sales_' IAM_ROLE '${ROLE}' DELIMITER '|' TIMEFORMAT 'MM/DD/YYYY HH:MI:SS'`,
  );
  expect((await client.query('SELECT pg_last_copy_count() AS n')).rows).toEqual([{ n: '3' }]);
  await client.query("SET query_group TO 'run-1'");
  await client.query(
    `UNLOAD ($$SELECT price, id FROM sales WHERE sold < '2008-02-02' ORDER BY id$$) TO 's3://${bucket}/out/' IAM_ROLE '${ROLE}' CSV MANIFEST VERBOSE PARALLEL OFF`,
  );
  expect(await fixture.text('out/000')).toBe('2.50,1\n,2\n');
  expect(JSON.parse(await fixture.text('out/manifest'))).toEqual({
    entries: [{ url: `s3://${bucket}/out/000`, meta: { content_length: 10, record_count: 2 } }],
    schema: {
      elements: [
        { name: 'price', type: { base: 'numeric', precision: 8, scale: 2 } },
        { name: 'id', type: { base: 'integer' } },
      ],
    },
    meta: { content_length: 10, record_count: 2 },
    author: { name: 'Amazon Redshift', version: '1.0.0' },
  });
  const { rows } = await client.query(
    "SELECT trim(status) AS status, returned_rows FROM sys_query_history WHERE query_label = 'run-1' AND query_type = 'UNLOAD'",
  );
  expect(rows).toEqual([{ status: 'success', returned_rows: '2' }]);
});
