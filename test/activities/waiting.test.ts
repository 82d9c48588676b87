import { afterEach, describe, expect, it, vi } from 'vitest';
import { fail } from '../../activities/errors.js';
import { attemptGuard, look, nextLook, whileRoleSpreads } from '../../activities/waiting.js';
import { failureOf, runActivity } from './support/local-sagemaker.js';

afterEach(() => vi.useRealTimers());

const HOUR = 3_600_000;
const about = { action: 'DescribeTrainingJob', resource: 'training job x' };

describe('when to look again', () => {
  it.each([
    ['ahead of the server', HOUR],
    ['behind the server', -HOUR],
    ['ahead by a year', 365 * 24 * HOUR],
    ['behind by a year', -365 * 24 * HOUR],
  ])('is never above the poll interval, nor below a moment, on a clock %s', (_how, skew) => {
    for (const attempt of [1, 5, 1_000_000]) {
      const delay = nextLook('60s', { scheduledTimestampMs: Date.now() - skew, attempt });
      expect(delay).toBeGreaterThanOrEqual(50);
      expect(delay).toBeLessThanOrEqual(60_000);
    }
  });

  it('is the poll interval, however short, for an error that passes', async () => {
    const refused = () => Promise.reject(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
    const failure = await failureOf(look(about, 30_000, refused));
    expect(failure).toMatchObject({ type: 'NetworkError', nextRetryDelay: 30_000, nonRetryable: false });
    expect(await failureOf(look(about, 50, refused))).toMatchObject({ nextRetryDelay: 1_000 });
  });
});

describe('a role that may still be spreading', () => {
  const refused = () => whileRoleSpreads<void>(() => Promise.reject(fail('RolePropagating', 'not yet')));
  const after = (waitedMs: number, attempt: number) =>
    failureOf(runActivity(refused, undefined, { scheduledTimestampMs: Date.now() - waitedMs, attempt }));

  it('is refused for good after two minutes of trying', async () => {
    expect(await after(119_000, 9)).toMatchObject({ type: 'RolePropagating', nonRetryable: false });
    expect(await after(121_000, 9)).toMatchObject({ type: 'AccessDenied', nonRetryable: true });
  });

  it('is not refused for good because the clock was set forward, or back', async () => {
    expect(await after(HOUR, 2)).toMatchObject({ type: 'RolePropagating', nonRetryable: false });
    expect(await after(-HOUR, 9)).toMatchObject({ type: 'RolePropagating', nonRetryable: false });
  });
});

describe('an attempt that must not change anything twice', () => {
  it('may do so until its time is nearly over, and then leaves it to the next', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const attempt = async () => {
      const alive = attemptGuard();
      vi.advanceTimersByTime(23_000);
      alive();
      vi.advanceTimersByTime(2_000);
      alive();
    };
    const failure = await failureOf(runActivity(attempt, undefined, { startToCloseTimeoutMs: 30_000 }));
    expect(failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    expect(performance.now()).toBe(25_000);
  });
});
