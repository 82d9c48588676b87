import { expect, it } from 'vitest';
import { renderChange } from '../../client/diff.js';
import { Output } from '../../client/output.js';
import { pendingInWords } from '../../client/run/describe.js';
import { labelInWords, preparedInWords } from '../../client/run/prepared.js';
import { renderPreview } from '../../client/run/preview.js';
import { processTerminal } from '../../client/terminal.js';
import type { Preview } from '../../contracts/questions.js';
import { PREPARED } from '../support/scripted-prepare.js';

const output = new Output({ ...processTerminal(), outIsTty: false }, false);

it('a run shows what was prepared, by whom and in place of what', () => {
  const prepared = { ...PREPARED, rows: 1, replaced: 2, by: 'retrain/example/1' };
  expect(preparedInWords({ prepared })).toBe(
    '1 row of 3 columns, 980 B, in 6.0 s, 1 check held, 2 rows left out as erased, to s3://example-bucket/data/example/train/2026-01-01/, in place of 2 objects of an earlier export, by retrain/example/1',
  );
  expect(labelInWords({ prepared })).toBe('price 1 to 9; 5, 50, 95 %: 1, 4, 8  █▁');
  expect(preparedInWords({})).toBeUndefined();
});

it('a pending activity says what it is at, for how long, and how far it came', () => {
  const activity = { activity: 'exportQuery', attempt: 1 };
  const beat = { doing: 'copy the query', seconds: 125, rows: 1_200_000 };
  expect(pendingInWords({ ...activity, beat })).toBe('copy the query for 2m 05s, 1,200,000 rows so far');
  expect(pendingInWords({ ...activity, last: 'refused', beat: { doing: 'load sales', seconds: 4 } })).toBe(
    'load sales for 4.0 s; the try before: refused',
  );
  expect(pendingInWords({ ...activity, last: 'Training' })).toBe('Training');
  expect(pendingInWords(activity)).toBeUndefined();
});

it('a dry run says what would be asked of which warehouse, with which values, and where it would go', () => {
  const preview: Preview = {
    ...{ wouldTrain: true, reasons: ['the warehouse would prepare'], asOf: '2026-01-01', files: 0, bytes: 0, added: 0 },
    ...{ changed: 0, removed: 0, image: 'i', instanceTypes: ['ml.m5.large'], endpointAction: 'create', endpoint: 'e' },
    warnings: [],
    prepare: {
      ...{ warehouse: 'cluster c, database dev', address: 'c.example:5439', user: 'trainer', label: 'price' },
      parameters: [
        { name: 'as_of', type: 'date', value: '2026-01-01' },
        { name: 'last', type: 'date', value: null },
      ],
      statements: [{ what: 'export query.sql', sql: 'UNLOAD (…)' }],
      checks: ['rows: rows of sales at least 1'],
      ...{ exportTo: 's3://b/runs/<time>/export/', publishTo: 's3://b/2026-01-01/', published: 1, foreign: 0 },
      problems: ['no such key'],
    },
  };
  const text = renderPreview(output, 'prices', preview);
  for (const line of [
    /^first it would prepare$/,
    /warehouse +cluster c, database dev, at c\.example:5439, as trainer$/,
    /parameter +as_of date = 2026-01-01$/,
    /parameter +last date = null$/,
    /statement +export query\.sql$/,
    /check +rows: rows of sales at least 1$/,
    /key +the bucket's own encryption$/,
    /publish to +s3:\/\/b\/2026-01-01\/, which has 1 object of an earlier export$/,
    /problem +no such key$/,
  ])
    expect(text.split('\n').some((one) => line.test(one))).toBe(true);
});

it('a change of a statement is told by its length and hash', () => {
  const sql = (last: string) => ({ file: 'q.sql', sql: `SELECT\n  ${'price, '.repeat(200)}${last}` });
  const line = renderChange({ key: 'prepare.redshift.setup', before: [sql('a')], after: [sql('b')] });
  expect(line).toMatch(
    /^~ prepare\.redshift\.setup: \[\{"file":"q\.sql","sql":"SELECT price, .*\(1410 characters, [0-9a-f]{8}\)"\}\] → /,
  );
  expect(new Set(line.match(/[0-9a-f]{8}\)/g)).size).toBe(2);
  expect(line.length).toBeLessThan(400);
  expect(renderChange({ key: 'name', before: 'a', after: 'b' })).toBe('~ name: a → b');
});
