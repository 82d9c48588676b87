import { describe, expect, it } from 'vitest';
import { formatOf } from '../../local/sagemaker/transform/formats.js';
import { parsePath, select } from '../../local/sagemaker/transform/json-path.js';

const csv = formatOf('text/csv; charset=utf-8');
const json = formatOf('application/jsonlines');
if (!csv || !json) throw new Error('DataProcessing is for CSV and JSON Lines');

describe('filters of CSV records', () => {
  it.each([
    ['$', 'a,b,c,d'],
    ['$[1:]', 'b,c,d'],
    ['$[:-1]', 'a,b,c'],
    ['$[1:3]', 'b,c'],
    ['$[0, -1]', 'a,d'],
    ['$[2]', 'c'],
    ['$[0,2:]', 'a,c,d'],
    ['$[0:2, 3:]', 'a,b,d'],
  ])('%s selects %s', (path, expected) => {
    expect(csv.filter('a,b,c,d', csv.path(path))).toBe(expected);
  });

  it('keep quotes where they are needed, and miss what is not there', () => {
    expect(csv.filter('"a,b",c,"d"', csv.path('$[0,2]'))).toBe('"a,b",d');
    expect(() => csv.filter('a,b', csv.path('$[2]'))).toThrow('the filter $[2] finds no 2 in a record');
  });

  it.each(['$.a', '$[*]', "$['a']", '$[0].a'])('%s is refused', (path) => {
    expect(() => csv.path(path)).toThrow(`"${path}" is not a filter for CSV`);
  });
});

describe('filters of JSON records', () => {
  const record = { id: 7, features: [1, 2, 3], meta: { name: 'x', 'a b': { deep: true } } };

  it.each<[string, unknown]>([
    ['$', record],
    ['$.id', 7],
    ['$.features', [1, 2, 3]],
    ['$.features[0,-1]', [1, 3]],
    ['$.features[1:]', [2, 3]],
    ['$.features[1]', 2],
    ["$['id','features']", { id: 7, features: [1, 2, 3] }],
    ["$.meta['a b'].deep", true],
    ['$.features.*', [1, 2, 3]],
    ['$.meta[*]', ['x', { deep: true }]],
  ])('%s', (path, expected) => {
    expect(select(record, parsePath(path))).toEqual(expected);
  });

  it('miss what is not there', () => {
    expect(() => select(record, parsePath('$.nothing'))).toThrow('the filter $.nothing finds no nothing in a record');
    expect(() => select(record, parsePath('$.id[0]'))).toThrow(/finds no array/);
  });

  it.each(['[1]', '$[1', '$[a]', '$[1:2:3]', '$..id', '$.a[?(@.b)]', 'id', '$.'])('%s is refused', (path) => {
    expect(() => parsePath(path)).toThrow(`"${path}" is not a supported JSONPath`);
  });

  it('are joined under SageMakerOutput, or beside SageMakerInput where the record is no object', () => {
    expect(json.join('{"key":1}', '{"label":1}')).toBe('{"key":1,"SageMakerOutput":{"label":1}}');
    expect(json.join('[1,2]', '3')).toBe('{"SageMakerInput":[1,2],"SageMakerOutput":3}');
    expect(() => json.join('{', '1')).toThrow('"{" is not JSON');
  });
});
