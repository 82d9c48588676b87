import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fail } from '../../activities/errors.js';
import { hashesWith } from '../../activities/keyed-hashes.js';
import { liftTombstones, setTombstones, settleTombstones } from '../../activities/lineage/tombstones.js';
import type { PurgeWork, TargetLine } from '../../contracts/purge/index.js';
import { MountWorld } from './support/mount-world.js';
import { runActivity } from './support/world.js';

let world: MountWorld;
beforeEach(async () => {
  world = await MountWorld.make();
});
afterEach(() => world.close());

const NOTHING = { copied: 0, removed: 0, bytes: 0, conflicts: [] };

async function purge(...targets: readonly (string | { prefix: string })[]): Promise<PurgeWork> {
  const work = await world.work(
    targets.map((one): TargetLine => ({ bucket: world.bucket, ...(typeof one === 'string' ? { key: one } : one) })),
  );
  await runActivity((input: PurgeWork) => setTombstones(world.s3, world.hashes, input), work);
  return work;
}
const lift = async (work: PurgeWork) =>
  runActivity((input: PurgeWork) => liftTombstones(world.s3, world.hashes, input), {
    ...work,
    ref: { ...work.ref, execution: 'lift' },
  });
/** A worker that knows nothing yet. */
const fresh = (rest: Parameters<MountWorld['mirroringOf']>[0] = {}) => world.mirroringOf(rest);
const object = (key: string) => ({ bucket: world.bucket, key });

describe('a purged key', () => {
  it('has no file, whatever the rules and however often it is uploaded, until it is lifted', async () => {
    await world.put('a');
    await world.put('b');
    await world.mirror('a');
    const work = await purge('a');
    const storage = world.storage({ created: false, removed: false });
    expect(await fresh().mirrorKey(storage, object('a'))).toEqual({ ...NOTHING, removed: 1 });
    await world.put('a', 'again');
    expect(await fresh().mirrorKey(world.storage(), object('a'))).toEqual(NOTHING);
    expect(await fresh().mirrorKey(world.storage(), object('b'))).toMatchObject({ copied: 1 });
    expect(await world.files()).toEqual({ b: 'b' });
    await lift(work);
    expect(await fresh().mirrorKey(world.storage(), object('a'))).toMatchObject({ copied: 1 });
    expect(await world.files()).toEqual({ a: 'again', b: 'b' });
    await purge('a');
    await fresh().mirrorKey(world.storage(), object('a'));
    // By this look, or by the one after the copy a moment before.
    expect(await world.files()).toEqual({ b: 'b' });
  });

  it('is known below a prefix too, while that is being purged', async () => {
    for (const key of ['p/1', 'q/1']) await world.put(key);
    const work = await purge({ prefix: 'p/' });
    const mirroring = fresh();
    for (const key of ['p/1', 'q/1']) await mirroring.mirrorKey(world.storage(), object(key));
    expect(await world.files()).toEqual({ 'q/1': 'q/1' });
    await runActivity((input: PurgeWork) => settleTombstones(world.s3, async () => world.hashes, input), work);
    expect(await fresh().mirrorKey(world.storage(), object('p/1'))).toMatchObject({ copied: 1 });
  });

  it('that was copied by what was known a moment before goes again without another event', async () => {
    for (const key of ['a', 'b']) await world.put(key);
    const mirroring = fresh({ ageMs: 1_500 });
    await mirroring.mirrorKey(world.storage(), object('b'));
    await purge('a');
    expect(await mirroring.mirrorKey(world.storage(), object('a'))).toMatchObject({ copied: 1 });
    await expect.poll(() => world.files(), { timeout: 10_000 }).toEqual({ b: 'b' });
  });

  it('keeps all from being copied where it can not be told, and costs nothing but a list where nothing was purged', async () => {
    const denied = fail('AccessDenied', '/perennial/purge/hmac-key in SSM: Allow ssm:GetParameter');
    const blind = { hashes: () => Promise.reject(denied) };
    for (const key of ['a', 'b']) await world.put(key);
    expect(await fresh(blind).mirrorKey(world.storage(), object('b'))).toMatchObject({ copied: 1 });
    await purge('a');
    const type = async (rest: Parameters<typeof fresh>[0], key: string) =>
      fresh(rest)
        .mirrorKey(world.storage(), object(key))
        .catch((error: unknown) => (error as { type: string }).type);
    expect(await type(blind, 'a')).toBe('AccessDenied');
    expect(await type({ hashes: async () => hashesWith(Buffer.alloc(32, 9)) }, 'a')).toBe('DataInvalid');
    expect(await world.files()).toEqual({ b: 'b' });
  });

  it('is told by one list for many events at once, and by lists of hashes that are read once', async () => {
    const calls: string[] = [];
    const send = world.s3.send.bind(world.s3) as (command: object) => Promise<object>;
    const counting = Object.assign(Object.create(world.s3) as S3Client, {
      send: (command: object) => {
        const { Prefix, Key } = (command as { input: { Prefix?: string; Key?: string } }).input;
        if ((Prefix ?? Key)?.startsWith('_perennial/tombstones/'))
          calls.push(command instanceof ListObjectsV2Command ? 'list' : 'read');
        return send(command);
      },
    });
    await purge('a');
    const mirroring = fresh({ s3: counting, ageMs: 60_000 });
    const keys = Array.from({ length: 50 }, (_, index) => `k${index}`);
    await Promise.all(keys.map((key) => mirroring.mirrorKey(world.storage(), object(key))));
    expect(calls).toEqual(['list', 'read']);
    expect(await mirroring.purgedBy(object('a'), performance.now())).toBe('r-1');
    expect(calls).toEqual(['list', 'read', 'list']);
  });
});

describe('reconciling', () => {
  const reconcile = (dryRun: boolean, mirror: Parameters<MountWorld['storage']>[0] = {}) =>
    runActivity(world.activities.reconcileMirror, { storage: world.storage(mirror), mirror: 0, dryRun });

  it('takes what is purged off the mount, counts it apart, and brings back what is lifted', async () => {
    for (const key of ['a', 'b', 'c']) await world.put(key);
    for (const path of ['a', 'gone']) await world.file(path, 'slipped in');
    const work = await purge('a', 'b', 'gone');
    await new Promise((resolve) => setTimeout(resolve, 150));
    const leftOut = { 'purged (request r-1)': 2 };
    const still = { created: false, removed: false };
    expect(await reconcile(true, still)).toMatchObject({ copied: 0, removed: 2, leftOut });
    expect(await reconcile(false, still)).toMatchObject({ copied: 0, removed: 2, leftOut });
    expect(await world.files()).toEqual({});
    expect(await reconcile(false)).toMatchObject({ copied: 1, removed: 0, leftOut, conflicts: {} });
    expect(await reconcile(true)).toMatchObject({ copied: 0, removed: 0, leftOut });
    expect(await world.files()).toEqual({ c: 'c' });
    await lift(work);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(await reconcile(false)).toMatchObject({ copied: 2, removed: 0, leftOut: {} });
  });
});
