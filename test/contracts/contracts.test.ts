import { describe, expect, it } from 'vitest';
import { definitionSchema } from '../../contracts/definition/index.js';
import { dateBefore, durationMs, parseSpan } from '../../contracts/duration.js';
import { REGIONS, imageUri } from '../../contracts/images.js';
import { takesVolumeKey } from '../../contracts/instances.js';
import { compactTime, deploymentName, parseRunId, parseS3Uri, runId, trainingJobName } from '../../contracts/names.js';

describe('durations', () => {
  it.each([
    ['30s', 30_000],
    ['5m', 300_000],
    ['12h', 43_200_000],
    ['7d', 604_800_000],
    ['PT5M', 300_000],
    ['P1DT1S', 86_401_000],
    ['P1W', 604_800_000],
  ])('%s is %i ms', (text, ms) => expect(durationMs(text)).toBe(ms));

  it.each(['', 'P', 'PT', '5', '5 m', '1y', '-1d', 'P1.5D'])('refuses "%s"', (text) =>
    expect(parseSpan(text)).toBeUndefined(),
  );
  it('has no length for months', () => expect(() => durationMs('P1M')).toThrow('fixed length'));

  it.each([
    ['2026-03-31', 'P1M', '2026-02-28'],
    ['2024-02-29', 'P1Y', '2023-02-28'],
    ['2026-01-01', 'P1D', '2025-12-31'],
    ['2015-12-31', 'P2Y', '2013-12-31'],
    ['2026-03-29', '24h', '2026-03-28'],
  ])('%s less %s is %s', (date, span, before) => expect(dateBefore(date, span)).toBe(before));
});

describe('names', () => {
  const time = '2026-11-21T09:00:00.123Z';
  it('fit into the 63 characters that SageMaker allows, at the longest', () => {
    const longest = 'm'.repeat(36);
    expect(trainingJobName(longest, time, 10)).toMatch(/^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$/);
    expect(trainingJobName(longest, time, 10).length).toBeLessThanOrEqual(63);
    expect(deploymentName(longest, time).length).toBeLessThanOrEqual(63);
  });
  it('sort by time', () =>
    expect([compactTime(time), compactTime('2026-11-21T10:00:00.000Z')].sort()[0]).toBe('20261121T090000123Z'));
  it('of runs can be read back', () => {
    expect(parseRunId(runId('m', time))).toEqual({ kind: 'retrain', model: 'm', time });
    expect(parseRunId('model/m')).toBeUndefined();
  });
  it('of objects can be read back, and nothing else passes', () => {
    expect(parseS3Uri('s3://b/k/with spaces?.csv')).toEqual({ bucket: 'b', key: 'k/with spaces?.csv' });
    expect(parseS3Uri('s3://b/a\nb\u2028c')).toEqual({ bucket: 'b', key: 'a\nb\u2028c' });
    expect(() => parseS3Uri('https://b/k')).toThrow('not an S3 URI');
  });
});

describe('images of built-in algorithms', () => {
  it('are known in every listed region', () => {
    expect(REGIONS).toHaveLength(33);
    for (const region of REGIONS) {
      expect(imageUri('linear-learner', region)).toMatch(
        /^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?\/linear-learner:1$/,
      );
    }
    expect(imageUri('xgboost', 'us-east-1')).toBe(
      '683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1',
    );
    expect(imageUri('linear-learner', 'cn-north-1')).toContain('.amazonaws.com.cn/');
  });
  it('name the known regions for an unknown one', () =>
    expect(() => imageUri('linear-learner', 'mars-1')).toThrow(/mars-1.*us-east-1/));
});

describe('volume keys', () => {
  it.each([
    ['ml.m5.large', true],
    ['ml.c5.xlarge', true],
    ['ml.p3.2xlarge', true],
    ['ml.m5d.large', false],
    ['ml.g5.xlarge', false],
    ['ml.g4dn.xlarge', false],
    ['ml.p5.48xlarge', false],
    ['ml.c5n.large', true],
    ['ml.m6gd.large', false],
  ])('%s: %s', (type, takes) => expect(takesVolumeKey(type)).toBe(takes));
});

describe('the image of a definition', () => {
  it.each([
    `ghcr.io/acme/churn@sha256:${'ab'.repeat(32)}`,
    `123456789012.dkr.ecr.us-east-1.amazonaws.com/team/churn:1@sha256:${'ab'.repeat(32)}`,
    '127.0.0.1:5000/churn:3f9c2a7be01d4c55',
    'localhost/churn:3f9c2a7be01d4c55',
  ])('may be %s', (image) => {
    const definition = { name: 'm', role: 'arn:aws:iam::000000000000:role/sagemaker', data: { bucket: 'some-bucket' } };
    expect(definitionSchema.parse({ ...definition, training: { image } }).training.image).toBe(image);
  });
});

describe('what SageMaker takes of a training section', () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
  const fits = (section: object) =>
    definitionSchema.safeParse({
      name: 'm',
      role: 'arn:aws:iam::000000000000:role/sagemaker',
      data: { bucket: 'some-bucket' },
      training: { algorithm: 'linear-learner', ...section },
    }).success;

  it.each([
    ['tags', 45],
    ['environment', 100],
  ])('%s: at most %i', (section, most) => {
    expect(fits({ [section]: many(most) })).toBe(true);
    expect(fits({ [section]: many(most + 1) })).toBe(false);
  });
});
