import { afterEach, describe, expect, it } from 'vitest';
import type { Listening } from '../../bench/support/faults/listen.js';
import { smallPages, startS3Proxy } from './support/s3-proxy.js';
import { AWS } from './support/world.js';
import { PurgeWorld, type Versioning } from './support/purge-world.js';

let world: PurgeWorld;
const proxies: Listening[] = [];
afterEach(async () => {
  world.close();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

async function proxied(handle: Parameters<typeof startS3Proxy>[1]): Promise<string> {
  const proxy = await startS3Proxy(AWS.endpoint, handle);
  proxies.push(proxy);
  return proxy.endpoint;
}

/** S3 with so many entries a page at most. */
const pages = (entries: number) => proxied((call) => void smallPages(call, entries));

const NOTHING = { versions: 0, markers: 0, uploads: 0, bytes: 0 };

describe('eraseObjects', () => {
  it('erases every version, marker and upload in flight of an object, and none of its siblings', async () => {
    world = await PurgeWorld.make('unversioned');
    await world.put('a');
    await world.version('enabled');
    for (const body of ['one', 'two']) await world.put('a', body);
    await world.remove('a');
    await world.version('suspended');
    await world.put('a', 'null again');
    await world.version('enabled');
    await world.remove('a');
    await world.putAll(['a.bak', 'a/b', 'A', 'a ']);
    await world.upload('a');
    await world.upload('a.bak');
    const work = await world.work([{ key: 'a' }]);
    const leg = await world.erase(work);
    expect(leg).toMatchObject({ done: true, versions: 3, markers: 2, uploads: 1, keys: 1, bytes: 16, blocked: [] });
    expect((await world.left()).sort()).toEqual(['A version', 'a  version', 'a.bak version', 'a/b version']);
    expect(await world.uploadsLeft()).toBe(1);
    expect(await world.verify(work)).toMatchObject({ remaining: NOTHING, later: 0, blocked: [] });
    expect(await world.tombstones()).toEqual([world.hashes.object(world.bucket, 'a')]);
  });

  it.each<Versioning>(['unversioned', 'enabled', 'suspended'])(
    'empties a prefix of many pages, %s',
    async (versioning) => {
      world = await PurgeWorld.make(versioning, { endpoint: await pages(7) });
      const keys = Array.from({ length: 40 }, (_, i) => `p/${String(i).padStart(2, '0')}`);
      await world.putAll(keys);
      await world.putAll(['p', 'pq/1', 'P/1']);
      const work = await world.work([{ prefix: 'p/' }]);
      const leg = await world.erase(work);
      expect(leg).toMatchObject({ done: true, versions: 40, markers: 0, keys: 40, bytes: 40, blocked: [] });
      expect((await world.left()).sort()).toEqual(['P/1 version', 'p version', 'pq/1 version']);
      expect(new Set(await world.tombstones())).toEqual(
        new Set(keys.map((key) => world.hashes.object(world.bucket, key))),
      );
      expect(await world.erase(work, 2)).toMatchObject({ done: true, versions: 0, keys: 0 });
    },
  );

  it('erases a key whose versions go over pages, when the whole prefix is asked for and when the key is', async () => {
    const endpoint = await pages(4);
    for (const line of [{ prefix: 'many/' }, { key: 'many/b' }]) {
      world = await PurgeWorld.make('enabled', { endpoint });
      await world.putAll(['many/a', ...Array<string>(13).fill('many/b'), 'many/c']);
      await world.remove('many/b');
      const leg = await world.erase(await world.work([line]));
      const whole = 'prefix' in line;
      expect(leg).toMatchObject({ done: true, versions: whole ? 15 : 13, markers: 1, keys: whole ? 3 : 1 });
      expect(await world.left()).toEqual(whole ? [] : ['many/a version', 'many/c version']);
    }
  });

  it('batches the objects of a list together', async () => {
    world = await PurgeWorld.make();
    const keys = Array.from({ length: 60 }, (_, i) => `list/${i}`);
    await world.putAll([...keys, 'list/bystander']);
    const calls: string[] = [];
    world.s3.middlewareStack.add(
      (next, { commandName }) =>
        (args) => (calls.push(commandName ?? ''), next(args)),
      {
        step: 'initialize',
      },
    );
    const work = await world.work(keys.map((key) => ({ key })));
    calls.length = 0;
    expect(await world.erase(work)).toMatchObject({ done: true, versions: 60, keys: 60 });
    expect(calls.filter((name) => name === 'DeleteObjectsCommand')).toHaveLength(1);
    expect(calls.filter((name) => name === 'ListMultipartUploadsCommand')).toHaveLength(1);
    expect(calls.filter((name) => name === 'ListObjectVersionsCommand')).toHaveLength(60);
    expect(await world.left()).toEqual(['list/bystander version']);
  });

  it('leaves what Perennial keeps, even where the whole bucket is a target', async () => {
    world = await PurgeWorld.make();
    await world.putAll(['x', '_perennial/keep']);
    const leg = await world.erase(await world.work([{ prefix: '' }]));
    expect(leg).toMatchObject({ versions: 1, keys: 1 });
    expect(await world.text(`s3://${world.bucket}/_perennial/keep`)).toBe('x');
  });

  it('erases declared copies, and writes their tombstones where they were', async () => {
    world = await PurgeWorld.make();
    const replica = await PurgeWorld.make();
    await world.putAll(['data/a', 'data/b']);
    await replica.putAll(['copy/a.out', 'copy/b.out', 'copy/b']);
    const copies = [
      { bucket: world.bucket, prefix: 'data/', toBucket: replica.bucket, toPrefix: 'copy/', suffix: '.out' },
    ];
    const work = await world.work([{ key: 'data/a' }, { key: 'data/b' }], { storage: { copies } });
    expect(await world.erase(work)).toMatchObject({ versions: 4, keys: 4 });
    expect(await replica.left()).toEqual(['copy/b version']);
    expect((await world.tombstones(replica.bucket)).sort()).toEqual(
      ['copy/a.out', 'copy/b.out'].map((key) => world.hashes.object(replica.bucket, key)).sort(),
    );
    replica.close();
  });

  it('keeps the hashes with the records of the purge where it sets no tombstones', async () => {
    world = await PurgeWorld.make();
    await world.put('a');
    const work = await world.work([{ key: 'a' }], { options: { tombstones: false } });
    await world.erase(work);
    expect(await world.tombstones()).toEqual([]);
    const prefix = `_perennial/purges/request-1/${work.ref.execution}/hashes-${world.bucket}-`;
    expect(await world.tombstones(world.records, prefix)).toEqual([world.hashes.object(world.bucket, 'a')]);
  });

  it('sends counts alone as its heartbeat', async () => {
    world = await PurgeWorld.make();
    await world.put('secret');
    await world.erase(await world.work([{ key: 'secret' }]));
    const nothing = { versions: 0, markers: 0, uploads: 0, bytes: 0, keys: 0, rate: 0 };
    expect(world.heartbeats[0]).toEqual({ ...nothing, targets: 0 });
  });
});

describe('uploads since the purge began', () => {
  it.each<Versioning>(['unversioned', 'enabled', 'suspended'])(
    'are left and reported, or erased where asked, %s',
    async (versioning) => {
      world = await PurgeWorld.make(versioning);
      await world.put('p/a', 'later');
      await world.upload('p/b');
      const startedAt = new Date(Date.now() - 5_000);
      const careful = await world.work([{ prefix: 'p/' }, { key: 'p/a' }], { startedAt });
      expect(await world.erase(careful)).toMatchObject({ done: true, versions: 0, uploads: 0, keys: 0 });
      const seen = await world.verify(careful);
      expect(seen).toMatchObject({ remaining: NOTHING, later: 2 });
      expect(await world.report(seen)).toMatchObject([
        { kind: 'prefix', remaining: 0, later: 2 },
        { kind: 'object', remaining: 0, later: 1 },
      ]);
      expect(await world.left()).toEqual(['p/a version']);
      const all = await world.work([{ prefix: 'p/' }], { startedAt, options: { uploads: 'purge' } });
      // A look tells them apart all the same: it is them that whoever uploads without end leaves.
      expect(await world.verify(all)).toMatchObject({ remaining: NOTHING, later: 2 });
      expect(await world.erase(all)).toMatchObject({ done: true, versions: 1, uploads: 1 });
      expect(await world.verify(all)).toMatchObject({ remaining: NOTHING, later: 0 });
      expect(await world.left()).toEqual([]);
    },
  );

  it('counts what came in the same second as the purge as there before', async () => {
    world = await PurgeWorld.make();
    await world.put('a');
    const work = await world.work([{ key: 'a' }], { startedAt: new Date(Math.floor(Date.now() / 1_000) * 1_000) });
    expect(await world.erase(work)).toMatchObject({ versions: 1 });
  });
});
