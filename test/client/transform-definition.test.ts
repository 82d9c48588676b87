import { describe, expect, it } from 'vitest';
import { nameOf } from '../../contracts/definition/transforms.js';
import { batchJobName, transformFolder } from '../../contracts/transforms.js';
import { exampleDefinition } from '../support/definitions.js';

const with1 = (more: object) =>
  exampleDefinition({
    transforms: [{ input: 's3://rows-bucket/rows/', output: 's3://out-bucket/predictions/', ...more }],
  });

describe('transforms of a definition', () => {
  it('need an input and an output: the rest has defaults, the name comes from the output', () => {
    expect(with1({}).transforms).toEqual([
      {
        name: 'predictions',
        input: 's3://rows-bucket/rows/',
        output: 's3://out-bucket/predictions/',
        daysBack: 0,
        manifest: false,
        contentType: 'text/csv',
        compression: 'none',
        split: 'line',
        strategy: 'multi',
        label: 'none',
        join: 'none',
        instanceType: 'ml.m5.large',
        count: 1,
        maxWait: '1d',
      },
    ]);
    expect(exampleDefinition().transforms).toEqual([]);
  });

  it.each([
    ['s3://bucket/daily', 'daily'],
    ['s3://bucket/x/daily_rows.v2/', 'daily-rows-v2'],
    ['s3://bucket/___/', 'transform'],
    [`s3://bucket/${'a'.repeat(39)}-b/`, 'a'.repeat(39)],
  ])('%s is called %s', (output, name) => {
    expect(nameOf(output)).toBe(name);
  });

  it.each([
    ['s3://bucket/rows', 's3://bucket/rows-out/'],
    ['s3://bucket/rows/{date}/', 's3://bucket/rows/2026-01-31/out/'],
    ['s3://bucket/y={year}/{month}', 's3://bucket/y=2026/12/'],
    ['s3://bucket/rows/', 's3://bucket/rows'],
  ])('refuse, beside the input %s, the output %s that lies in it', (input, output) => {
    expect(() => with1({ input, output })).toThrow('must not lie inside input');
  });

  it.each([
    [{ input: 's3://bucket/rows/{date}/', output: 's3://bucket/rows/out/' }],
    [{ input: 's3://bucket/rows.csv', output: 's3://bucket/rows-csv/' }],
    [{ input: 's3://bucket/p/rows/', output: 's3://bucket/p/' }],
    [{ input: 's3://bucket/p/list', output: 's3://bucket/p/list/', manifest: true }],
  ])('take %j', (more) => {
    expect(() => with1(more)).not.toThrow();
  });

  it('give each job and each folder of a moment a name of its own', () => {
    const definition = exampleDefinition({
      name: 'm'.repeat(36),
      transforms: Array.from({ length: 20 }, (_one, index) => ({
        input: 's3://bucket/in/',
        output: `s3://bucket/out/${index}/`,
      })),
    });
    const at = '2026-11-21T09:00:00.000Z';
    const names = definition.transforms.map((transform) => batchJobName({ definition, transform }, at));
    expect(new Set(names).size).toBe(20);
    expect(names.every((name) => name.length <= 63)).toBe(true);
    expect(names[19]).toBe(`${'m'.repeat(36)}-20261121T090000000Z-t20`);
    expect(transformFolder(at)).toBe('2026-11-21T090000Z');
    expect(transformFolder('2026-11-21T09:00:00.123Z')).toBe('2026-11-21T090000123Z');
  });
});
