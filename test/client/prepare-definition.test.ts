import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkDefinitions } from '../../client/definition/check.js';
import { renderFaults } from '../../client/definition/fault.js';
import { temporaryFolder } from './terminal.js';

/** A definition whose section `prepare.redshift` has these lines. */
const model = (lines: string, data = '{ bucket: my-bucket }') => `name: prices
role: arn:aws:iam::123456789012:role/sagemaker
data: ${data}
training: { algorithm: linear-learner }
prepare:
  redshift:
${lines.replaceAll(/^/gm, '    ')}
`;
const GOOD = `cluster: { identifier: c, database: dev }
role: arn:aws:iam::123456789012:role/warehouse
query: sql/query.sql
label: price
`;

async function check(text: string) {
  const folder = await temporaryFolder({ 'a.yaml': text, 'query.sql': 'SELECT 1 AS price;\n', 'q.txt': '' });
  return checkDefinitions([join(folder, 'a.yaml')]);
}

describe('the section prepare', () => {
  it('takes the text of the files that it names', async () => {
    const { faults, models } = await check(model(GOOD.replace('sql/query', 'query')));
    expect(faults).toEqual([]);
    expect(models[0]?.definition.prepare?.redshift.query).toEqual({ file: 'query.sql', sql: 'SELECT 1 AS price;' });
  });

  it('tells all that is wrong with it at once, files that are missing among it', async () => {
    const { faults, models } = await check(
      model(`cluster: { identifier: C, database: dev }
workgroup: { name: w-1, database: dev }
role: arn:aws:iam::123456789012:role/warehouse
parameters:
  a: { type: date, value: '\${asof}' }
  b: { type: date, value: '\${windowStart}' }
setup: [setup.sql]
load:
  - { table: sales, from: 's3://raw-bucket/one_' }
  - { table: sales, from: 's3://raw-bucket/two_' }
checks:
  - { name: rows, rows: sales }
  - { name: both, rows: sales, query: q.txt, min: 3 }
  - { name: bounds, rows: sales, min: 3, max: 1 }
query: missing.sql
label: Price
`),
    );
    expect(models).toEqual([]);
    const text = renderFaults(faults);
    for (const part of [
      'must be a cluster identifier',
      'exactly one of cluster, workgroup and urlParameter, and has cluster and workgroup',
      'one of ${asOf}, ${windowStart}, ${watermark}',
      'needs data.window',
      'names setup.sql, which is not there',
      'must not load sales once more',
      'must have min, max or both',
      'names q.txt, which is no .sql file',
      'must have exactly one of query, rows, nulls and range',
      'must have a min that is not above its max',
      'names missing.sql, which is not there',
      'must be a plain SQL name',
    ])
      expect(text).toContain(part);
    expect(text).not.toMatch(/not read|undefined|\[object/);
  });
});
