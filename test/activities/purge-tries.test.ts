import { DeleteObjectsCommand } from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import { afterEach, describe, expect, it } from 'vitest';

import { createErasureActivities } from '../../activities/purge/index.js';
import type { Listening } from '../../bench/support/faults/listen.js';
import type { ErasedLeg, PurgeWork } from '../../contracts/purge/index.js';
import { deleteErrors, entriesOf, s3Error, startS3Proxy, type PassingCall } from './support/s3-proxy.js';
import { PurgeWorld } from './support/purge-world.js';
import { AWS } from './support/world.js';

let world: PurgeWorld;
const proxies: Listening[] = [];
afterEach(async () => {
  world.close();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

type Answer = ReturnType<typeof s3Error> | undefined;
type Passing = (call: PassingCall, other: PurgeWorld) => Answer | Promise<Answer>;

const deleteEach = (other: PurgeWorld, entries: ReturnType<typeof entriesOf>) => {
  const Objects = entries.map(({ key, versionId }) => ({ Key: key, VersionId: versionId }));
  return other.s3.send(new DeleteObjectsCommand({ Bucket: world.bucket, Delete: { Objects } }));
};

/**
 * A world whose worker dies in each try behind so many deletes: half of the next one has gone by then, and nobody knows. `passing` looks at every
 * call before.
 */
async function dying(deaths: readonly number[], passing: Passing = () => undefined) {
  const state = { attempt: 1, deletes: 0, armed: false };
  const other = new PurgeWorld();
  const proxy = await startS3Proxy(AWS.endpoint, async (call) => {
    const answer = state.armed ? await passing(call, other) : undefined;
    if (answer || !state.armed || call.operation !== 'delete') return answer;
    state.deletes += 1;
    if (state.deletes <= (deaths[state.attempt - 1] ?? Infinity)) return undefined;
    const entries = entriesOf(call);
    await deleteEach(other, entries.slice(0, Math.ceil(entries.length / 2)));
    return s3Error(503, 'ServiceUnavailable');
  });
  proxies.push({ ...proxy, close: async () => (other.close(), proxy.close()) });
  world = await PurgeWorld.make('enabled', { endpoint: proxy.endpoint, limits: { leg: 600_000, patience: 1 } });
  const once = (work: PurgeWork): Promise<ErasedLeg> => {
    state.armed = true;
    return world.run(world.activities.eraseObjects, { ...work, leg: 1 }, state.attempt);
  };
  const tries = async (work: PurgeWork): Promise<ErasedLeg> => {
    for (;;) {
      try {
        return await once(work);
      } catch (error) {
        if (state.attempt > deaths.length) throw error;
        state.attempt += 1;
        state.deletes = 0;
      }
    }
  };
  return { tries, once, state };
}

const keysOf = (count: number) => Array.from({ length: count }, (_, index) => `p/${String(index).padStart(4, '0')}`);

/** Keys with three versions, every second one of them deleted: a marker that waits for its versions. */
async function fill(count: number) {
  const keys = keysOf(count);
  for (const body of ['1', '22', '333']) await pLimit(16).map(keys, (key) => world.put(key, body));
  await pLimit(16).map(
    keys.filter((_, index) => index % 2 === 0),
    (key) => world.remove(key),
  );
  return { versions: 3 * count, markers: Math.ceil(count / 2), keys: count, bytes: 6 * count };
}

describe('what a leg erased', () => {
  it.each([
    ['behind its first call', [1], {}],
    ['before its last one', [2], {}],
    ['and another, and another', [0, 1, 0, 1], {}],
    ['with hashes among the records', [0, 1], { tombstones: false }],
  ] as const)('is counted to the last entry after a death %s', async (_, deaths, options) => {
    const { tries } = await dying(deaths);
    const all = await fill(40);
    const leg = await tries(await world.work([{ prefix: 'p/' }], { options }));
    expect(leg).toMatchObject({ ...all, done: true });
    expect(leg).not.toHaveProperty('atLeast');
    expect(await world.left()).toEqual([]);
  });

  it('is counted to the last entry over several windows, and keys that lie in two', { timeout: 120_000 }, async () => {
    const { tries } = await dying([1, 2]);
    const all = await fill(680);
    expect(await tries(await world.work([{ prefix: 'p/' }]))).toMatchObject({ ...all, done: true });
  });

  it('is counted once where the try after a death comes to the end of its time', async () => {
    const { state, once } = await dying([1]);
    const all = await fill(40);
    const work = await world.work([{ prefix: 'p/' }]);
    await expect(once(work)).rejects.toThrow();
    state.attempt = 2;
    const { s3, hashes } = world;
    const { eraseObjects } = createErasureActivities({
      ...{ s3, hashes: async () => hashes },
      limits: { leg: -1, patience: 1 },
    });
    const first = await world.run(eraseObjects, { ...work, leg: 1 }, 2);
    expect(first).toMatchObject({ done: false });
    const second = await world.erase(work, 2);
    expect(first.versions).toBeGreaterThanOrEqual(60);
    for (const name of ['versions', 'markers', 'bytes'] as const)
      expect([name, first[name] + second[name]]).toEqual([name, all[name]]);
  });

  it('leaves out what is blocked, though it stood in a window that was not through', async () => {
    const held: { version?: string | undefined } = {};
    const { tries } = await dying([0], async (call, other) => {
      const entries = call.operation === 'delete' ? entriesOf(call) : [];
      if (!entries.some(({ versionId }) => versionId === held.version)) return undefined;
      await deleteEach(
        other,
        entries.filter(({ versionId }) => versionId !== held.version),
      );
      return deleteErrors(
        'AccessDenied',
        entries.filter(({ versionId }) => versionId === held.version),
      );
    });
    held.version = (await world.put('p/held')).VersionId;
    await world.putAll(['p/a', 'p/b', 'p/c']);
    await world.remove('p/a');
    expect(await tries(await world.work([{ prefix: 'p/' }]))).toMatchObject({
      ...{ versions: 3, markers: 1, keys: 3, bytes: 3 },
      blocked: [{ by: 'access denied', entries: 1 }],
    });
    expect(await world.left()).toEqual(['p/held version']);
  });
});

describe('where nobody can know what a leg erased', () => {
  it('it says so, and no less than the last heartbeat, when it is cancelled before all was listed', async () => {
    const environment = { cancel: () => undefined as void };
    const { state, once } = await dying([1], (call) => {
      if (state.attempt === 2 && call.operation === 'list') environment.cancel();
      return undefined;
    });
    await fill(40);
    const work = await world.work([{ prefix: 'p/' }]);
    await expect(once(work)).rejects.toThrow();
    state.attempt = 2;
    const beat = { versions: 70, markers: 0, uploads: 0, bytes: 1, keys: 20, rate: 1 };
    const mock = world.environment(2, beat);
    environment.cancel = () => mock.cancel();
    const leg: unknown = await mock.run(world.activities.eraseObjects, { ...work, leg: 1 });
    expect(leg).toMatchObject({ done: false, atLeast: true, versions: 70, keys: 20 });
  });

  it('it says so where a try that was given up has gone on', async () => {
    const { state, tries } = await dying([1], async (call, other) => {
      if (state.attempt === 2 && call.operation === 'delete')
        await other.put('_perennial/tombstones/request-1/execution-1-1-1.7.txt', 'x', world.bucket);
      return undefined;
    });
    const { versions } = await fill(40);
    expect(await tries(await world.work([{ prefix: 'p/' }]))).toMatchObject({ done: true, atLeast: true, versions });
  });

  it('it says so of uploads, which leave no trace', async () => {
    const { state } = await dying([]);
    await world.put('p/a');
    const work = await world.work([{ prefix: 'p/' }]);
    state.attempt = 2;
    const mock = world.environment(2, { versions: 0, markers: 0, uploads: 3, bytes: 0, keys: 0, rate: 1 });
    const leg: unknown = await mock.run(world.activities.eraseObjects, { ...work, leg: 1 });
    expect(leg).toMatchObject({ versions: 1, uploads: 3, atLeast: true });
  });

  it('it counts nothing of what S3 confirmed and lists still', async () => {
    const { state, tries } = await dying([0], (call) =>
      state.attempt === 2 && call.operation === 'delete'
        ? { status: 200, body: '<DeleteResult></DeleteResult>' }
        : undefined,
    );
    await world.putAll(['p/a', 'p/b']);
    const leg = await tries(await world.work([{ prefix: 'p/' }]));
    expect(leg).toMatchObject({ atLeast: true, versions: 0, blocked: [{ by: 'error' }] });
  });
});
