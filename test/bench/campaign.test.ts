import { describe, expect, it } from 'vitest';
import { judge } from '../../bench/support/campaign/campaign.js';
import type { Played } from '../../bench/support/campaign/play.js';
import { drawPoints, nameOf, recordedCalls, type Point } from '../../bench/support/campaign/points.js';
import type { Call } from '../../bench/support/faults/index.js';

const call = (key: string, nth = 1): Call => ({ service: 'S3', operation: 'GetObject', resource: '', key, nth });
const point = (nth: number): Point => ({
  ...{ run: 'create', key: 'S3.GetObject a', nth, fresh: false, bytes: 0 },
  ...{ kind: 'dropped after', times: 1 },
});

describe('the calls of a campaign', () => {
  it('are those of a run, and those that only a fresh worker makes', () => {
    const calls = recordedCalls(
      'create',
      [call('start'), call('a'), call('a', 2)],
      [call('a'), call('a', 2), call('b')],
    );
    expect(calls.map(({ key, nth, fresh }) => [key, nth, fresh])).toEqual([
      ['a', 1, false],
      ['a', 2, false],
      ['b', 1, false],
      ['start', 1, true],
    ]);
  });
});

describe('the points that a seed draws', () => {
  const all = Array.from({ length: 50 }, (_, index) => point(index + 1));
  const names = (seed: number, count?: number) => drawPoints(all, { seed, count }).map(nameOf);

  it('are the same for the same seed, in whatever order they were recorded', () => {
    expect(names(7, 20)).toEqual(drawPoints([...all].reverse(), { seed: 7, count: 20 }).map(nameOf));
    expect(new Set(names(7, 20)).size).toBe(20);
    expect(names(8, 20)).not.toEqual(names(7, 20));
  });

  it('are all of them without a number', () => {
    expect(names(7).sort()).toEqual(all.map(nameOf).sort());
  });
});

describe('the judgement of a campaign', () => {
  const played = (problems: readonly string[] = []): Played => ({
    ...{ point: 'a', key: 'a', kind: 'throttle', problems, warnings: [], repeated: [], seconds: 1 },
  });

  it('counts points that ended otherwise, and points that were not played', () => {
    expect(judge(2, [played(), played()])).toEqual({ figure: 0, ok: true });
    expect(judge(2, [played(), played(['two jobs'])])).toEqual({ figure: 1, ok: false });
    expect(judge(2, [played()])).toEqual({ figure: 1, ok: false });
  });

  it('is not good where nothing was played', () => {
    expect(judge(0, []).ok).toBe(false);
  });
});
