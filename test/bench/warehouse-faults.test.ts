import { expect, it } from 'vitest';
import { plights } from '../../bench/support/warehouse/campaign.js';
import { leaks } from '../../bench/support/warehouse/secrets.js';

const call = (service: string, operation: string) => ({
  ...{ service, operation, resource: '' },
  ...{ key: `${service}.${operation}`, nth: 1 },
});

it('kills before and after each call of a preparation, and loses each answer of a warehouse', () => {
  const all = plights({ redshift: [call('Warehouse', 'UNLOAD'), call('S3', 'PutObject')], postgres: [] });
  const names = all.filter((plight) => 'mishap' in plight).map(({ name }) => name);
  expect(names).toEqual([
    'redshift: killed: Warehouse.UNLOAD #1, dropped before',
    'redshift: killed: Warehouse.UNLOAD #1, dropped after',
    'redshift: killed: S3.PutObject #1, dropped before',
    'redshift: killed: S3.PutObject #1, dropped after',
    'redshift: lost answer: Warehouse.UNLOAD #1, dropped after',
  ]);
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
});

it('finds a secret as it is and as it stands in a URL, and does not repeat it', () => {
  const places = { 'a log': 'password=a%2Fb', 'a history': 'nothing', SQL: "SELECT 'a/b'" };
  expect(leaks(places, ['a/b', 'other'])).toEqual(['1 secrets stand in a log', '1 secrets stand in SQL']);
});
