import { setTimeout as sleep } from 'node:timers/promises';
import { ActivityCancellationDetails, CancelledFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import type { ErasedLeg, PurgeWork } from '../../contracts/purge/index.js';
import { deleteErrors, entriesOf, s3Error } from './support/s3-proxy.js';
import { PurgeWorld, worldsBehindProxies } from './support/purge-world.js';

let world: PurgeWorld;
const open = worldsBehindProxies();
const behind = async (...how: Parameters<typeof open>) => (world = await open(...how));

/** A leg whose activity can be cancelled from within a call of S3. */
const legIn = (mock: ReturnType<PurgeWorld['environment']>, work: PurgeWork) =>
  mock.run(world.activities.eraseObjects, { ...work, leg: 1 }) as Promise<ErasedLeg>;

describe('legs', () => {
  it('ends with its time, and the next one goes on', async () => {
    await behind(() => undefined, { limits: { leg: -1 } });
    await world.putAll(['p/a', 'p/b']);
    const work = await world.work([{ prefix: 'p/' }]);
    expect(await world.erase(work)).toMatchObject({ done: false });
    const next = new PurgeWorld();
    expect(await next.erase(work, 2)).toMatchObject({ done: true, versions: 2 });
    next.close();
  });

  it('writes the hashes before it deletes, under names of its own for every try', async () => {
    await behind((call) => (call.operation === 'delete' ? s3Error(400, 'InvalidRequest') : undefined));
    await world.put('p/a');
    const work = await world.work([{ prefix: 'p/' }]);
    for (const attempt of [1, 2])
      await expect(world.run(world.activities.eraseObjects, { ...work, leg: 1 }, attempt)).rejects.toThrow();
    const hash = world.hashes.object(world.bucket, 'p/a');
    expect(await world.tombstones()).toEqual([hash, hash]);
    expect(await world.left()).toEqual(['p/a version']);
  });

  it('is cancelled in spite of a call without an answer, counts what is known to be gone, and can be taken up again', async () => {
    const environment = { cancel: () => undefined as void };
    await behind((call) => {
      if (call.operation !== 'delete') return undefined;
      environment.cancel();
      // No answer: only the cancellation ends the call.
      return new Promise(() => undefined);
    });
    await world.put('p/a');
    const work = await world.work([{ prefix: 'p/' }]);
    const mock = world.environment();
    environment.cancel = () => mock.cancel();
    const leg = await legIn(mock, work);
    expect(leg).toMatchObject({ done: false, versions: 0, keys: 0 });
    expect(leg.seconds).toBeLessThan(30);
    const next = new PurgeWorld();
    expect(await next.erase(work, 2)).toMatchObject({ done: true, versions: 1 });
    next.close();
  });

  it('lets the deletes that are under way end when it is cancelled, and counts them to the last', async () => {
    const environment = { cancel: () => undefined as void };
    await behind((call) => {
      if (call.operation === 'delete') environment.cancel();
      return undefined;
    });
    const keys = Array.from({ length: 30 }, (_, index) => `p/${index}`);
    await world.putAll(keys);
    const work = await world.work([{ prefix: 'p/' }]);
    const mock = world.environment();
    environment.cancel = () => mock.cancel();
    expect(await legIn(mock, work)).toMatchObject({
      done: false,
      versions: 30,
      keys: 30,
    });
    expect(await world.left()).toEqual([]);
  });

  it('of what was refused for the moment when it is cancelled counts what is gone alone', async () => {
    const environment = { cancel: () => undefined as void };
    await behind((call) => {
      const [first] = entriesOf(call);
      if (!first) return undefined;
      environment.cancel();
      return deleteErrors('InternalError', [first]);
    });
    await world.putAll(['p/1', 'p/2', 'p/3']);
    const work = await world.work([{ prefix: 'p/' }]);
    const mock = world.environment();
    environment.cancel = () => mock.cancel();
    expect(await legIn(mock, work)).toMatchObject({
      done: false,
      versions: 2,
      blocked: [],
    });
  });

  it('that a worker breaks off in shutting down is tried again: it answers nothing', async () => {
    const environment = { cancel: () => undefined as void };
    await behind((call) => {
      if (call.operation === 'delete') environment.cancel();
      return undefined;
    });
    await world.put('p/1');
    const mock = world.environment();
    environment.cancel = () =>
      mock.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }));
    const work = await world.work([{ prefix: 'p/' }]);
    await expect(legIn(mock, work)).rejects.toBeInstanceOf(CancelledFailure);
  });
});

describe('uploads without end', () => {
  it.each([0, 2])('keep no leg going, and what S3 says of them is believed (%i were there before)', async (before) => {
    let uploads = 0;
    const uploader = new PurgeWorld();
    await behind(async (call) => {
      // One more upload between each listing and the next.
      if (call.operation === 'delete') await uploader.put(`p/new-${(uploads += 1)}`, 'new', world.bucket);
      return undefined;
    });
    const keys = Array.from({ length: before }, (_, index) => `p/old-${index}`);
    await world.putAll(keys);
    const startedAt = new Date(Math.floor(Date.now() / 1_000) * 1_000);
    await sleep(startedAt.getTime() + 1_100 - Date.now());
    await world.put('p/new');
    const work = await world.work([{ prefix: 'p/' }], { startedAt, options: { uploads: 'purge' } });
    const leg = await world.erase(work);
    expect(leg).toMatchObject({ done: true, blocked: [] });
    expect(uploads).toBeLessThan(4);
    expect(leg.versions).toBe(before + uploads);
    expect(await world.verify(work)).toMatchObject({ remaining: { versions: 0 }, later: 1, blocked: [] });
    uploader.close();
  });
});
