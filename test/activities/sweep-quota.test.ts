import { describe, expect, it } from 'vitest';
import { FakeJobs } from './support/fake-jobs.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const THROTTLED = new Error('Rate exceeded');

/** A sweep that knows some running jobs. */
async function following(...names: string[]) {
  const fake = new FakeJobs();
  for (const name of names) fake.set(name, 'InProgress', 'Training');
  const sweep = fake.sweep();
  for (const name of names) await sweep.status(name, MINUTE);
  return { fake, sweep };
}

describe('a sweep that is throttled', () => {
  it('answers all waits with what it knows, and says when to ask again', async () => {
    const { fake, sweep } = await following('a', 'b', 'c');
    fake.now += MINUTE;
    fake.error = THROTTLED;
    const views = await Promise.all(['a', 'b', 'c'].map((name) => sweep.status(name, MINUTE)));
    expect(fake.listedFrom).toHaveLength(1);
    for (const view of views) {
      expect(view).toMatchObject({ status: 'InProgress', ageMs: MINUTE });
      expect(view.againMs).toBeGreaterThanOrEqual(1_500);
      expect(view.againMs).toBeLessThanOrEqual(2_000);
    }
  });

  it('stretches its interval while the quota is short, shared by all waits, and comes back to its own', async () => {
    const { fake, sweep } = await following('a', 'b');
    fake.error = THROTTLED;
    const pauses: number[] = [];
    for (let refusal = 0; refusal < 12; refusal += 1) {
      fake.now += MINUTE;
      const { againMs = 0 } = await sweep.status('a', 1_000);
      pauses.push(againMs);
      const calls = fake.listedFrom.length;
      expect((await sweep.status('b', 1_000)).againMs).toBe(againMs);
      expect(fake.listedFrom).toHaveLength(calls);
      fake.now += againMs;
    }
    expect(pauses.every((pause, index) => index === 0 || pause > (pauses[index - 1] ?? 0) || pause > 85_000)).toBe(
      true,
    );
    expect(Math.max(...pauses)).toBeLessThanOrEqual(120_000);

    fake.error = undefined;
    const intervals: number[] = [];
    for (let success = 0; success < 10; success += 1) {
      const before = fake.listedFrom.length;
      const since = fake.now;
      while (fake.listedFrom.length === before) {
        const view = await sweep.status('a', 1_000);
        if (fake.listedFrom.length === before) fake.now += view.againMs ?? 1_000;
      }
      intervals.push(fake.now - since);
    }
    expect(intervals[1]).toBeGreaterThan(40_000);
    expect(intervals.at(-1)).toBeLessThanOrEqual(1_000);
  });

  it('notices the end of a job once the quota allows', async () => {
    const { fake, sweep } = await following('a');
    fake.now += MINUTE;
    fake.error = THROTTLED;
    const { againMs = 0 } = await sweep.status('a', MINUTE);
    fake.set('a', 'Completed');
    fake.error = undefined;
    fake.now += againMs - 1;
    expect(await sweep.status('a', MINUTE)).toMatchObject({ status: 'InProgress' });
    fake.now += 1;
    expect(await sweep.status('a', MINUTE)).toMatchObject({ status: 'Completed', detail: 'all about a' });
  });

  it('asks for no other job before the pause is over when descriptions are refused', async () => {
    const fake = new FakeJobs();
    for (const name of ['a', 'b']) fake.set(name, 'InProgress');
    const sweep = fake.sweep();
    fake.describeError = THROTTLED;
    await expect(sweep.status('a', MINUTE)).rejects.toThrow('Rate exceeded');
    await expect(sweep.status('b', MINUTE)).rejects.toThrow('Rate exceeded');
    expect(fake.described).toEqual(['a']);
    fake.describeError = undefined;
    fake.now += 2_000;
    expect(await sweep.status('b', MINUTE)).toMatchObject({ status: 'InProgress' });
  });

  it('describes no more than eight jobs at a time', async () => {
    const fake = new FakeJobs();
    const names = Array.from({ length: 30 }, (_, index) => `job-${index}`);
    for (const name of names) fake.set(name, 'InProgress');
    let [open, most] = [0, 0];
    const describe = fake.describe.bind(fake);
    fake.describe = async (name) => {
      most = Math.max(most, (open += 1));
      await new Promise(setImmediate);
      open -= 1;
      return describe(name);
    };
    const sweep = fake.sweep();
    await Promise.all(names.map((name) => sweep.status(name, MINUTE)));
    expect([most, fake.described.length]).toEqual([8, 30]);
  });
});

describe('a listing that takes long', () => {
  it('holds no look up: it is answered with what is known, and asks again soon', async () => {
    const { fake } = await following('a');
    const sweep = fake.sweep({ patienceMs: 10 });
    await sweep.status('a', MINUTE);
    fake.now += MINUTE;
    let open = () => {};
    fake.gate = new Promise((resolve) => (open = resolve));
    expect(await sweep.status('a', MINUTE)).toMatchObject({ status: 'InProgress', ageMs: MINUTE, againMs: 2_000 });
    open();
    fake.now += 2_000;
    expect((await sweep.status('a', MINUTE)).againMs).toBeUndefined();
    expect(fake.listedFrom).toHaveLength(1);
  });
});

describe('a clock that is set', () => {
  it.each([
    ['back by an hour', -HOUR],
    ['back by a year', -365 * 24 * HOUR],
    ['forward by an hour', HOUR],
    ['forward by a year', 365 * 24 * HOUR],
  ])('%s hides no end of a job and holds nothing up', async (_how, jump) => {
    const { fake, sweep } = await following('a', 'b');
    fake.now += MINUTE;
    await sweep.status('a', MINUTE);
    // The end is dated by SageMaker's clock, which goes on as it did.
    const job = fake.jobs.get('a');
    fake.jobs.set('a', { name: 'a', status: 'Completed', modified: (job?.modified ?? 0) + 2 * MINUTE });
    fake.now += jump;
    fake.slept.length = 0;
    expect(await sweep.status('a', MINUTE)).toMatchObject({ status: 'Completed', detail: 'all about a' });
    const view = await sweep.status('b', MINUTE);
    expect(view).toMatchObject({ status: 'InProgress' });
    expect(view.ageMs).toBeGreaterThanOrEqual(0);
    expect(fake.slept.every((ms) => ms <= 500)).toBe(true);
  });

  it('ends a pause for the quota', async () => {
    const { fake, sweep } = await following('a');
    fake.now += MINUTE;
    fake.error = THROTTLED;
    await sweep.status('a', MINUTE);
    fake.error = undefined;
    fake.now -= HOUR;
    expect((await sweep.status('a', MINUTE)).againMs).toBeUndefined();
  });

  it('costs no call when it is corrected by less than a second', async () => {
    const { fake, sweep } = await following('a');
    fake.now -= 900;
    expect(await sweep.status('a', MINUTE)).toMatchObject({ ageMs: 0 });
    expect([fake.described.length, fake.listedFrom.length]).toEqual([1, 0]);
  });
});
