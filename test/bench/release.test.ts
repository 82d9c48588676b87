import { describe, expect, it } from 'vitest';
import { binomialInterval } from '../../bench/support/binomial.js';
import { judgeRelease, type ReleaseSeen } from '../../bench/support/release-verdict.js';
import { sharesSeen } from '../../bench/support/shares.js';

describe('the binomial interval', () => {
  // As exact sums of binomial coefficients give them.
  it.each([
    [100, 0.1, 0.999, 2, 21],
    [600, 0.25, 0.999, 116, 186],
    [1000, 0.1, 0.999, 70, 132],
    [10, 0.5, 0.95, 2, 8],
    [20, 0.5, 0.95, 6, 14],
    [50, 0, 0.999, 0, 0],
    [50, 1, 0.999, 50, 50],
  ])('of %d trials with %d at %d goes from %d to %d', (n, p, confidence, least, most) => {
    expect(binomialInterval(n, p, confidence)).toEqual({ least, most });
  });

  it('does not lose its probabilities in many trials', () => {
    const { least, most } = binomialInterval(20_000, 0.5, 0.999);
    // 3.29 standard deviations of 70.7 about 10,000.
    expect(least).toBeGreaterThan(9_760);
    expect(least).toBeLessThan(9_775);
    expect(most).toBe(20_000 - least);
  });
});

const NAMES = { greenConfig: 'green', greenModel: 'new' };
const step = (since: number, until: number | undefined, share: number) => ({
  since,
  ...(until !== undefined && { until }),
  shares: [
    { config: 'blue', weight: 1 - share },
    { config: 'green', weight: share },
  ],
});
const STEPS = [step(0, 10_000, 0), step(10_000, 20_000, 0.1), step(20_000, undefined, 1)];
/** 50 requests a second; in the second step every tenth is the new model's. */
const observations = Array.from({ length: 1_500 }, (_, index) => {
  const at = 5 + index * 20;
  const green = at >= 20_000 || (at >= 10_000 && index % 10 === 0);
  return { at, ms: 2, ok: true, model: green ? 'new' : 'old' };
});

describe('the shares that clients saw', () => {
  it('are counted by step, without the requests that met its borders', () => {
    const seen = sharesSeen(observations, STEPS, [0, 0.1, 1], NAMES);
    expect(seen.map(({ wanted, set, ok }) => [wanted, set, ok])).toEqual([
      [0, 0, true],
      [0.1, 0.1, true],
      [1, 1, true],
    ]);
    expect(seen[1]).toMatchObject({ seconds: 10, requests: 498, green: 49 });
  });

  it.each([
    ['another share than the release was to have', [0, 0.2, 1], observations],
    [
      'an answer of the new model before the release',
      [0, 0.1, 1],
      observations.map((one, i) => (i === 20 ? { ...one, model: 'new' } : one)),
    ],
    ['a step nobody asked in', [0, 0.1, 1], observations.filter(({ at }) => at < 10_000 || at > 20_000)],
  ])('are wrong with %s', (_what, wanted, seen) => {
    expect(sharesSeen(seen, STEPS, wanted, NAMES).every(({ ok }) => ok)).toBe(false);
  });
});

describe('the judgement of a release', () => {
  const rolledBack = { outcome: 'Failed', reason: 'alarm: a', failureType: 'DeploymentRolledBack' } as const;
  const deployed: ReleaseSeen = {
    name: 'canary',
    wanted: [0, 0.1, 1],
    ...NAMES,
    known: ['old', 'new'],
    ending: { run: 'r', outcome: 'Deployed', reason: 'fine' },
    serves: true,
    steps: STEPS,
    observations,
  };

  it('is good where nothing was lost, the shares are right and the run ended as it should', () => {
    expect(judgeRelease([deployed], 50)).toMatchObject({ figure: 0, ok: true });
    const failed = { ...deployed, reason: /alarm: a/, ending: { run: 'r', ...rolledBack } };
    expect(judgeRelease([failed], 50).ok).toBe(true);
  });

  it.each<[string, Partial<ReleaseSeen>, number]>([
    [
      'a lost request',
      { observations: observations.map((one, i) => (i === 3 ? { ...one, ok: false, error: 'x' } : one)) },
      1,
    ],
    ['an answer of a model that nobody knows', { known: ['old'] }, 0],
    ['a step too few', { wanted: [0, 0.1, 1, 1] }, 0],
    ['a failed run', { ending: { run: 'r', ...rolledBack } }, 0],
    ['a deployed run that should have failed', { reason: /alarm/ }, 0],
    ['another reason', { reason: /ping/, ending: { run: 'r', ...rolledBack } }, 0],
    ['an endpoint on another config', { serves: false }, 0],
    ['too few requests a second', { observations: observations.filter((_, index) => index % 2 === 0) }, 0],
  ])('is bad with %s', (_what, change, figure) => {
    expect(judgeRelease([{ ...deployed, ...change }], 50)).toMatchObject({ figure, ok: false });
  });
});
