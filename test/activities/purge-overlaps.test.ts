import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { Prefixes } from '../../activities/purge/overlaps.js';
import { TargetList, type Placed } from '../../activities/purge/target-list.js';
import { Digests } from '../../contracts/purge/digests.js';
import type { PurgePlanObjects } from '../../contracts/purge/index.js';
import { MountWorld } from './support/mount-world.js';
import { PurgeWorld } from './support/purge-world.js';
import { runActivity } from './support/world.js';

const worlds: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

async function make(): Promise<PurgeWorld> {
  const world = await PurgeWorld.make();
  worlds.push(world);
  return world;
}

const sha256 = (bucket: string, lines: readonly object[]) =>
  createHash('sha256')
    .update(lines.map((line) => `${JSON.stringify({ bucket, ...line })}\n`).join(''))
    .digest('hex');

async function placesOf(list: TargetList): Promise<Placed[]> {
  const all: Placed[] = [];
  for await (const placed of list.places()) all.push(placed);
  return all;
}

/** A key twice, a key and a prefix below a prefix, and a prefix twice: four objects, each once. */
const OVERLAPPING = [
  { key: 'a' },
  { key: 'p/1' },
  { prefix: 'p/' },
  { key: 'a' },
  { prefix: 'p/q/' },
  { prefix: 'p/' },
  { key: 'p' },
];
const COPIED = ['a', 'p', 'p/1', 'p/q/2'];

describe('targets that overlap', () => {
  it('are erased, planned and verified as what they name together, and each has its line', async () => {
    const world = await make();
    const replica = await make();
    await world.putAll([...COPIED, 'b', 'pq']);
    await replica.putAll([...COPIED.map((key) => `copy/${key}`), 'copy/b']);
    await world.upload('p/1');
    const copies = [{ bucket: world.bucket, prefix: '', toBucket: replica.bucket, toPrefix: 'copy/' }];
    const lines = [...OVERLAPPING, { bucket: replica.bucket, key: 'copy/a' }];
    const work = await world.work(lines, { storage: { copies } });
    expect(await world.run(world.activities.inspectTargets, work)).toMatchObject({
      objects: 4,
      prefixes: 2,
      hash: world.hashes.list(sha256(world.bucket, lines)),
    });

    const outputUri = `s3://${world.records}/plan.json`;
    await world.run(world.activities.planObjects, { ...work, outputUri });
    const plan = JSON.parse(await world.text(outputUri)) as PurgePlanObjects;
    expect(plan.total).toEqual({ versions: 8, markers: 0, uploads: 1, bytes: 8 });
    const uri = `s3://${world.bucket}/`;
    expect(plan.targets.map((target) => [target.uri, target.versions])).toEqual([
      [`${uri}a`, 2],
      [`${uri}p/1`, 2],
      [`${uri}p/`, 4],
      [`${uri}p/q/`, 2],
      [`${uri}p`, 2],
      [`s3://${replica.bucket}/copy/a`, 1],
    ]);

    const before = await world.verify(work);
    expect(before.remaining).toEqual({ versions: 8, markers: 0, uploads: 1, bytes: 8 });
    expect((await world.report(before)).map(({ kind, remaining }) => [kind, remaining])).toEqual([
      ['object', 2],
      ['object', 3],
      ['prefix', 5],
      ['prefix', 2],
      ['object', 2],
      ['object', 1],
    ]);

    expect(await world.erase(work)).toMatchObject({ done: true, versions: 8, keys: 8, uploads: 1, bytes: 8 });
    expect(world.heartbeats.at(-1)).not.toHaveProperty('key');
    expect((await world.verify(work)).remaining.versions).toBe(0);
    expect((await world.left()).sort()).toEqual(['b version', 'pq version']);
    expect(await replica.left()).toEqual(['copy/b version']);
  });

  it('are told apart in a list that is too long to keep, which must stay the same while it is read again', async () => {
    const world = await make();
    const keys = Array.from({ length: 1_200 }, (_, index) => ({ key: `k/${index}` }));
    const work = await world.work([...keys, ...keys, { prefix: 'k/11' }]);
    const read = () => TargetList.read(world.s3, work, async () => world.hashes);
    const list = await read();
    expect([list.counts, list.keyedHash(world.hashes)]).toEqual([
      { objects: 1_200, prefixes: 1 },
      world.hashes.list(sha256(world.bucket, [...keys, ...keys, { prefix: 'k/11' }])),
    ]);
    const placed = await placesOf(list);
    expect(placed).toHaveLength(1_201);
    // k/11 and k/110 to k/119, k/1100 to k/1199 are the prefix's.
    expect(placed.filter(({ own }) => own.length === 0)).toHaveLength(111);

    const [key = ''] = work.targetsUri.split(`s3://${world.records}/`).slice(1);
    await world.put(key, JSON.stringify({ bucket: world.bucket, key: 'bystander' }), world.records);
    await expect(placesOf(list)).rejects.toMatchObject({ type: 'RecordConflict', nonRetryable: true });
  });

  it('count once on mounts too', async () => {
    const world = await MountWorld.make();
    worlds.push(world);
    for (const path of ['a', 'p/1', 'p/q/2']) await world.file(path);
    const { bucket } = world;
    const work = await world.work([
      { bucket, key: 'a' },
      { bucket, key: 'a' },
      { bucket, key: 'p/1' },
      { bucket, prefix: 'p/q/' },
      { bucket, prefix: 'p/' },
    ]);
    expect((await runActivity(world.activities.verifyCopies, work)).files).toBe(3);
    expect((await runActivity(world.activities.eraseCopies, work)).files).toBe(3);
    expect(await world.files()).toEqual({});
  });
});

describe('prefixes', () => {
  it('hold what begins as they do, themselves and what Perennial keeps aside', () => {
    const prefixes = new Prefixes();
    for (const prefix of ['p/', 'p/q/', 'x', 'p!', '\ud83d\ude00/']) prefixes.add({ bucket: 'b', prefix });
    prefixes.add({ bucket: 'all', prefix: '' });
    const held = (bucket: string, key: string) => prefixes.covers({ bucket, key });
    for (const key of ['p/1', 'p/q/1', 'p/', 'x', 'xy', 'p!z', '\ud83d\ude00/1'])
      expect([key, held('b', key)]).toEqual([key, true]);
    for (const key of ['p', 'p"', 'q/1', 'P/1', '']) expect([key, held('b', key)]).toEqual([key, false]);
    expect(held('c', 'p/1')).toBe(false);
    expect([held('all', 'a'), held('all', '_perennial/x')]).toEqual([true, false]);
    const below = (prefix: string) => prefixes.covers({ bucket: 'b', prefix });
    expect(['p/', 'p/q/', 'p/q', 'x', 'xy', 'p'].filter(below)).toEqual(['p/q/', 'p/q', 'xy']);
    expect(prefixes.covers({ bucket: 'all', prefix: '' })).toBe(false);
  });
});

describe('digests', () => {
  const digest = (text: string) => createHash('sha256').update(text).digest();

  it('tell every new one from those that are known, and of more than they may hold none is taken for known', () => {
    const digests = new Digests(50_000);
    const texts = Array.from({ length: 60_000 }, (_, index) => String(index));
    expect(texts.every((text) => digests.add(digest(text)))).toBe(true);
    expect(texts.filter((text) => !digests.add(digest(text)))).toHaveLength(50_000);
    expect([digests.has(digest('49999')), digests.has(digest('50000'))]).toEqual([true, false]);
  });
});
