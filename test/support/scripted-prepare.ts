import type { DefinitionInput } from '../../contracts/definition/index.js';
import type { PrepareActivities, Prepared } from '../../contracts/prepare.js';

/** A section `prepare` with a load, a check and a query. */
export const PREPARE: NonNullable<DefinitionInput['prepare']> = {
  redshift: {
    cluster: { identifier: 'warehouse', database: 'dev', user: 'trainer' },
    role: 'arn:aws:iam::000000000000:role/warehouse',
    load: [{ table: 'sales', from: 's3://example-bucket/raw/sales_' }],
    checks: [{ name: 'sales', rows: 'sales', min: 1 }],
    query: { file: 'query.sql', sql: 'SELECT price FROM sales' },
    label: 'price',
  },
};

/** What a scripted run prepares as of 2026-01-01. */
export const PREPARED: Prepared = {
  ...{ rows: 98, bytes: 980, parts: 1, columns: 3, seconds: 6, suppressed: 2, replaced: 0, unchanged: false },
  checks: [{ name: 'sales', values: [100], ok: true }],
  label: {
    ...{ name: 'price', min: 1, max: 9, mean: 4, histogram: [90, 8] },
    quantiles: { '0.01': 1, '0.05': 1, '0.25': 2, '0.5': 4, '0.75': 6, '0.95': 8, '0.99': 9 },
  },
  publishedTo: 's3://example-bucket/data/example/train/2026-01-01/',
};

/** What runs in a warehouse, as where all goes well; `overrides` replace single ones, `calls` names those that were called. */
export function scriptedPrepare(overrides: Partial<PrepareActivities> = {}): {
  readonly activities: PrepareActivities;
  readonly calls: string[];
} {
  const calls: string[] = [];
  const { checks, seconds: _, ...published } = PREPARED;
  const happy: PrepareActivities = {
    loadWarehouse: async () => ({ loads: [{ table: 'sales', rows: 100 }], seconds: 1 }),
    checkWarehouse: async () => ({ checks, seconds: 2 }),
    exportQuery: async () => ({
      ...{ exportUri: 's3://example-bucket/record.json', rows: 100, bytes: 1_000, parts: 1, columns: 3 },
      ...{ seconds: 3, attached: false },
    }),
    publishExport: async () => published,
    discardExport: async () => ({ removed: 1 }),
    ...overrides,
  };
  const activities = Object.fromEntries(
    Object.entries(happy).map(([name, implementation]) => [
      name,
      async (input: never) => {
        calls.push(name);
        return (implementation as (argument: never) => Promise<unknown>)(input);
      },
    ]),
  ) as unknown as PrepareActivities;
  return { activities, calls };
}
