import { describe, expect, it } from 'vitest';
import { FakeJobs } from './support/fake-jobs.js';

const MINUTE = 60_000;

describe('sweep over waiting training jobs', () => {
  it('describes a job it does not know, once, and lists from then on', async () => {
    const fake = new FakeJobs();
    fake.set('a', 'InProgress', 'Training');
    const sweep = fake.sweep();
    expect(await sweep.status('a', MINUTE)).toMatchObject({ status: 'InProgress', detail: 'all about a', forMs: 0 });
    for (let look = 0; look < 100; look++) {
      fake.now += MINUTE;
      expect(await sweep.status('a', MINUTE)).toMatchObject({ status: 'InProgress', secondary: 'Training' });
    }
    expect(fake.described).toEqual(['a']);
    expect(fake.listedFrom).toHaveLength(100);
  });

  it('answers from what it knows while that is fresh enough, and says how old it is', async () => {
    const fake = new FakeJobs();
    fake.set('a', 'InProgress');
    const sweep = fake.sweep();
    await sweep.status('a', MINUTE);
    fake.now += 0.9 * MINUTE;
    expect(await sweep.status('a', MINUTE)).toMatchObject({ ageMs: 0.9 * MINUTE });
    expect(fake.listedFrom).toHaveLength(0);
    // A few milliseconds early is as good as on time.
    fake.now += 0.1 * MINUTE - 5;
    expect(await sweep.status('a', MINUTE)).toMatchObject({ ageMs: 0 });
    expect(fake.listedFrom).toHaveLength(1);
  });

  it('makes one listing for a thousand jobs that wait', async () => {
    const fake = new FakeJobs();
    const names = Array.from({ length: 1_000 }, (_, index) => `job-${index}`);
    for (const name of names) fake.set(name, 'InProgress');
    const sweep = fake.sweep();
    await Promise.all(names.map((name) => sweep.status(name, MINUTE)));
    fake.now += MINUTE;
    fake.set('job-7', 'Completed');
    const views = await Promise.all(names.map((name) => sweep.status(name, MINUTE)));
    expect(fake.listedFrom).toHaveLength(1);
    expect(views.filter(({ status }) => status === 'Completed')).toHaveLength(1);
    expect(fake.described).toHaveLength(1_001);
  });

  it('describes a job that the listing shows at its end, and then forgets it', async () => {
    const fake = new FakeJobs();
    fake.set('a', 'InProgress');
    const sweep = fake.sweep();
    await sweep.status('a', MINUTE);
    fake.now += MINUTE;
    fake.set('a', 'Failed');
    expect(await sweep.status('a', MINUTE)).toMatchObject({ status: 'Failed', detail: 'all about a' });
    expect(await sweep.status('a', MINUTE)).toMatchObject({ status: 'Failed', detail: 'all about a' });
    expect(fake.described).toEqual(['a', 'a', 'a']);
  });

  it('describes a job in a status nobody knows', async () => {
    const fake = new FakeJobs();
    fake.set('a', 'InProgress');
    const sweep = fake.sweep();
    await sweep.status('a', MINUTE);
    fake.now += MINUTE;
    fake.set('a', 'Hibernating');
    expect(await sweep.status('a', MINUTE)).toMatchObject({ status: 'Hibernating', detail: 'all about a' });
  });

  it("lists from the oldest knowledge, by SageMaker's clock and with an overlap", async () => {
    const fake = new FakeJobs();
    for (const name of ['a', 'b']) fake.set(name, 'InProgress');
    const sweep = fake.sweep({ overlapMs: 10_000 });
    await sweep.status('a', MINUTE);
    const known = fake.now;
    fake.now += 30_000;
    // It ends after a was described, before b is: b's newer time must not hide it.
    fake.set('a', 'Completed');
    fake.now += 20_000;
    await sweep.status('b', MINUTE);
    fake.now += 10_000;
    expect(await sweep.status('a', MINUTE)).toMatchObject({ status: 'Completed' });
    expect(fake.listedFrom).toEqual([known + FakeJobs.SKEW - 10_000]);
  });

  it('starts the next listing where the last one was', async () => {
    const fake = new FakeJobs();
    fake.set('a', 'InProgress');
    const sweep = fake.sweep({ overlapMs: 10_000 });
    await sweep.status('a', MINUTE);
    fake.now += MINUTE;
    await sweep.status('a', MINUTE);
    const last = fake.now;
    fake.now += MINUTE;
    await sweep.status('a', MINUTE);
    expect(fake.listedFrom.at(-1)).toBe(last + FakeJobs.SKEW - 10_000);
  });

  it('shares a listing under way, and keeps half a second between two', async () => {
    const fake = new FakeJobs();
    fake.set('a', 'InProgress');
    const sweep = fake.sweep();
    await sweep.status('a', 0);
    let open = () => {};
    fake.gate = new Promise((resolve) => (open = resolve));
    const looks = [sweep.status('a', 0), sweep.status('a', 0), sweep.status('a', 0)];
    open();
    await Promise.all(looks);
    expect(fake.listedFrom).toHaveLength(1);
    await sweep.status('a', 0);
    expect(fake.listedFrom).toHaveLength(2);
    expect(fake.slept).toEqual([500]);
  });

  it('passes an error on to all who wait, and carries on after it', async () => {
    const fake = new FakeJobs();
    fake.set('a', 'InProgress');
    const sweep = fake.sweep();
    await sweep.status('a', MINUTE);
    fake.now += MINUTE;
    fake.error = new Error('out of order');
    const looks = await Promise.allSettled([sweep.status('a', MINUTE), sweep.status('a', MINUTE)]);
    expect(looks.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fake.error = undefined;
    fake.set('a', 'Completed');
    expect(await sweep.status('a', MINUTE)).toMatchObject({ status: 'Completed' });
  });

  it('asks after a job that no listing shows: a deleted one is never listed', async () => {
    const fake = new FakeJobs();
    fake.set('a', 'InProgress');
    const sweep = fake.sweep({ recheckMs: 10 * MINUTE });
    await sweep.status('a', MINUTE);
    fake.jobs.delete('a');
    fake.now += MINUTE;
    expect(await sweep.status('a', MINUTE)).toMatchObject({ status: 'InProgress' });
    fake.now += 10 * MINUTE;
    await expect(sweep.status('a', MINUTE)).rejects.toThrow('a is gone');
  });

  it('forgets a job that nobody asks about', async () => {
    const fake = new FakeJobs();
    for (const name of ['a', 'b']) fake.set(name, 'InProgress');
    const sweep = fake.sweep({ forgetMs: 10 * MINUTE });
    await Promise.all([sweep.status('a', MINUTE), sweep.status('b', MINUTE)]);
    for (let look = 0; look < 12; look++) {
      fake.now += MINUTE;
      await sweep.status('a', MINUTE);
    }
    await sweep.status('b', MINUTE);
    expect(fake.described).toEqual(['a', 'b', 'b']);
  });
});
