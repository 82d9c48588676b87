import { describe, expect, it } from 'vitest';
import type { ModelTriggers } from '../../contracts/triggers.js';
import { isNewData, isOwnDoing, matches } from '../../worker/listener/matching.js';
import { readMessage } from '../../worker/listener/messages.js';

const data = { bucket: 'b', prefix: 'data/m/train/', channels: ['validation'], output: 'models/m/' };
const triggers: ModelTriggers = { data };

describe('new data of a model', () => {
  it.each([
    ['data/m/train/2026-01-01.csv', true],
    ['data/m/train/2026-01-01/part-0.csv', true],
    ['data/m/validation/2026-01-01.csv', true],
    ['data/m/train/2026-01-01.parquet', false],
    ['data/m/train/readme.md', false],
    ['data/m/train/2026-02-30.csv', false],
    ['data/m/test/2026-01-01.csv', false],
    ['data/mm/train/2026-01-01.csv', false],
    ['models/m/runs/2026-01-01.csv', false],
  ])('%s: %s', (key, is) => expect(isNewData(triggers, { bucket: 'b', key, size: 3 })).toBe(is));

  it('is none in another bucket, without content, or written by a run although it lies under the prefix', () => {
    const key = 'data/m/train/2026-01-01.csv';
    expect(isNewData(triggers, { bucket: 'c', key, size: 3 })).toBe(false);
    expect(isNewData(triggers, { bucket: 'b', key, size: 0 })).toBe(false);
    expect(isNewData(triggers, { bucket: 'b', key })).toBe(true);
    expect(isNewData({ data: { ...data, output: 'data/m/' } }, { bucket: 'b', key, size: 3 })).toBe(false);
  });
});

describe('a declared event', () => {
  const event = (detail: Record<string, unknown>) => ({ source: 's', 'detail-type': 't', detail });
  const fits = (detail: NonNullable<NonNullable<ModelTriggers['events']>[number]['detail']>, found: object) =>
    matches({ source: 's', detailType: 't', detail }, event({ ...found }));

  it.each([
    [{}, {}, true],
    [{ state: 'OK' }, { state: 'OK', more: 1 }, true],
    [{ state: 'OK' }, { state: 'ok' }, false],
    [{ state: 'OK' }, {}, false],
    [{ state: ['OK', 'PARTLY'] }, { state: 'PARTLY' }, true],
    [{ state: ['OK'] }, { state: ['FAILED', 'OK'] }, true],
    [{ count: 1 }, { count: '1' }, false],
    [{ done: true }, { done: true }, true],
    [{ job: { name: 'x', kind: ['a', 'b'] } }, { job: { name: 'x', kind: 'b', id: 1 } }, true],
    [{ job: { name: 'x' } }, { job: 'x' }, false],
    [{ job: { name: 'x' } }, { job: null }, false],
    [{ toString: 'x' }, {}, false],
  ])('%j in %j: %s', (pattern, found, is) => expect(fits(pattern as never, found)).toBe(is));

  it('has its source and its detail-type', () => {
    expect(matches({ source: 's', detailType: 'u' }, event({}))).toBe(false);
    expect(matches({ source: 'r', detailType: 't' }, event({}))).toBe(false);
    expect(matches({ source: 's', detailType: 't' }, event({}))).toBe(true);
  });

  it('does not start what caused it', () => {
    const job = (TrainingJobName: string) => ({
      source: 'aws.sagemaker',
      'detail-type': 'SageMaker Training Job State Change',
      detail: { TrainingJobName },
    });
    expect(isOwnDoing('m', triggers, job('m-20261121T090000123Z-1'), [])).toBe(true);
    expect(isOwnDoing('m', triggers, job('other-20261121T090000123Z-1'), [])).toBe(false);
    expect(isOwnDoing('m', triggers, event({}), [{ bucket: 'b', key: 'models/m/runs/x' }])).toBe(true);
    expect(isOwnDoing('m', triggers, event({}), [{ bucket: 'b', key: 'elsewhere/x' }])).toBe(false);
  });
});

describe('a message', () => {
  it('keeps its id when it is delivered twice: the event’s, else the queue’s', () => {
    const body = (id?: string) => JSON.stringify({ id, source: 's', 'detail-type': 't' });
    expect(readMessage(body('e'), 'm')).toMatchObject({ id: 'e', created: [], event: { detail: {} } });
    expect(readMessage(body(), 'm')?.id).toBe('m');
  });

  it.each(['no json', '[]', 'null', '{"Records":[{"eventSource":"aws:sns"}]}', '{"source":1}'])('is none: %s', (body) =>
    expect(readMessage(body, 'm')).toBeUndefined(),
  );

  it('of S3 itself has URL-encoded keys; one that is not encoded after all stays as it is', () => {
    const key = (text: string) =>
      readMessage(
        JSON.stringify({
          Records: [
            {
              eventSource: 'aws:s3',
              eventName: 'ObjectCreated:Put',
              s3: { bucket: { name: 'b' }, object: { key: text, size: 1 } },
            },
          ],
        }),
        'm',
      )?.created[0]?.key;
    expect(key('a%2Fb+c%2B')).toBe('a/b c+');
    expect(key('100%/x')).toBe('100%/x');
  });
});
