import { describe, expect, it } from 'vitest';
import { judge } from '../../bench/scenarios/zero-loss.js';
import { BASE_END, heldBack, nextSlice } from '../../examples/demo/slices.js';
import { percentile, type Observation } from '../../examples/demo/traffic.js';
import { buildWeather } from '../../examples/seattle-weather/data.js';

const all = buildWeather();
const upTo = (date: string) => new Set(all.filter((day) => day.date <= date).map((day) => day.date));

describe('the days of the demo', () => {
  it('begin with three years, whatever an interrupted upload left out', () => {
    expect(nextSlice(all, new Set()).until).toBe(BASE_END);
    const holes = new Set(['2012-01-02', '2014-06-30']);
    const { days, until } = nextSlice(all, holes);
    expect([days.length, until]).toEqual([1095 - 2, BASE_END]);
  });

  it('go on by sixty, each later than all before, and stop while sixty are held back', () => {
    let uploaded = upTo(BASE_END);
    const lengths: number[] = [];
    for (;;) {
      const { days, until } = nextSlice(all, uploaded);
      if (days.length === 0) break;
      const newest = [...uploaded].sort().at(-1) ?? '';
      expect(days.every(({ date }) => date > newest && date <= until)).toBe(true);
      lengths.push(days.length);
      uploaded = upTo(until);
    }
    expect(lengths).toEqual([60, 60, 60, 60, 60]);
    expect(heldBack(all, [...uploaded].sort().at(-1) ?? '')).toHaveLength(65);
  });

  it('never hold back a day that was trained on', () => {
    expect(heldBack(all, BASE_END)[0]?.date).toBe('2015-01-01');
  });
});

describe('percentiles', () => {
  it('are by nearest rank', () => {
    const values = Array.from({ length: 20 }, (_, index) => 20 - index);
    expect([percentile(values, 0.5), percentile(values, 0.99), percentile([7], 0.5)]).toEqual([10, 20, 7]);
  });
});

describe('the judgement of zero-loss', () => {
  const models = new Map(Array.from({ length: 11 }, (_, index) => [`config-${index}`, `model-${index}`] as const));
  const switches = [...models.keys()].map((config, index) => ({ config, at: index * 1_000 }));
  /** 20 a second for eleven seconds, each answered by the model that is live when it is sent. */
  const traffic = (change: (one: Observation) => Observation = (one) => one) =>
    Array.from({ length: 220 }, (_, index) => {
      const at = index * 50;
      return change({ at, ms: 5, ok: true, model: `model-${Math.floor(at / 1_000)}` });
    });
  const at = (time: number, to: Partial<Observation>) => traffic((one) => (one.at === time ? { ...one, ...to } : one));

  it('is good where every request has its answer', () => {
    expect(judge(traffic(), switches, models)).toMatchObject({ figure: 0, ok: true });
  });

  it('counts a request without an answer as lost', () => {
    expect(judge(at(2_050, { ok: false, model: undefined }), switches, models)).toMatchObject({ figure: 1, ok: false });
  });

  it('is bad where an earlier model answers after the switch, not where a later one does', () => {
    expect(judge(at(3_000, { model: 'model-2' }), switches, models)).toMatchObject({ figure: 0, ok: false });
    // The switch is seen a moment after it happened.
    expect(judge(at(2_950, { model: 'model-3' }), switches, models).ok).toBe(true);
  });

  it('is bad where no known model answers, an update is missing or the client was too slow', () => {
    expect(judge(at(3_000, { model: undefined }), switches, models).ok).toBe(false);
    expect(judge(traffic(), switches.slice(1), models).ok).toBe(false);
    expect(
      judge(
        traffic().filter((_, index) => index % 2 === 0),
        switches,
        models,
      ).ok,
    ).toBe(false);
  });
});
