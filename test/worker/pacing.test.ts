import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Pacing } from '../../worker/listener/pacing.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

describe('what is sent for a crowd of events', () => {
  it('once: is one for all within the time, also for those who come while it is under way', async () => {
    const pacing = new Pacing();
    const send = vi.fn(async () => undefined);
    await Promise.all(Array.from({ length: 10_000 }, () => pacing.once('m', 1_000, send)));
    await pacing.once('other', 1_000, send);
    expect(send).toHaveBeenCalledTimes(2);
    vi.setSystemTime(Date.now() + 999);
    await pacing.once('m', 1_000, send);
    expect(send).toHaveBeenCalledTimes(2);
    vi.setSystemTime(Date.now() + 1);
    await pacing.once('m', 1_000, send);
    expect(send).toHaveBeenCalledTimes(3);
  });

  it('spaced: is one at once and one after, which the others wait for', async () => {
    const pacing = new Pacing();
    const send = vi.fn(async () => undefined);
    const all = Promise.all(Array.from({ length: 1_000 }, () => pacing.spaced('m', 50, send)));
    expect(send).toHaveBeenCalledTimes(1);
    await all;
    expect(send).toHaveBeenCalledTimes(2);
  });

  it('fails everyone who relied on what could not be sent, and is sent anew for the next', async () => {
    const pacing = new Pacing();
    const down = () => Promise.reject(new Error('down'));
    const both = await Promise.allSettled([pacing.once('m', 1_000, down), pacing.once('m', 1_000, down)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const send = vi.fn(async () => undefined);
    await pacing.once('m', 1_000, send);
    expect(send).toHaveBeenCalledTimes(1);
  });
});
