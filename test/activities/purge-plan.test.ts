import { afterEach, describe, expect, it } from 'vitest';
import {
  CreateBucketCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
} from '@aws-sdk/client-s3';
import type { PurgeOptions, PurgePlanObjects } from '../../contracts/purge/index.js';
import { PurgeWorld } from './support/purge-world.js';

let world: PurgeWorld;
afterEach(() => world.close());

describe('inspectTargets', () => {
  it('counts the list and looks at every bucket of it and of its copies', async () => {
    world = await PurgeWorld.make('suspended');
    const replica = await PurgeWorld.make('unversioned');
    const copies = [{ bucket: world.bucket, toBucket: replica.bucket }];
    const work = await world.work([{ key: 'a' }, { key: 'b' }, { prefix: 'p/' }], { storage: { copies } });
    const seen = await world.run(world.activities.inspectTargets, work);
    const plain = { mfaDelete: false, objectLock: false };
    expect(seen).toMatchObject({
      objects: 2,
      prefixes: 1,
      values: 0,
      hash: expect.stringMatching(/^[\w-]{43}$/) as string,
    });
    expect(seen.buckets).toHaveLength(2);
    expect(seen.buckets).toContainEqual({ bucket: world.bucket, versioning: 'suspended', ...plain });
    expect(seen.buckets).toContainEqual({ bucket: replica.bucket, versioning: 'unversioned', ...plain });
    replica.close();
  });

  it('names a bucket that is missing, and all faults of a list by their lines', async () => {
    world = await PurgeWorld.make();
    const missing = await world.work([{ bucket: 'no-such-bucket-anywhere', key: 'secret' }]);
    const inspect = (work: typeof missing) => world.run(world.activities.inspectTargets, work);
    await expect(inspect(missing)).rejects.toMatchObject({
      type: 'ResourceMissing',
      message: expect.stringMatching(/bucket no-such-bucket-anywhere.*in the list of targets/) as string,
    });
    const faulty = await world.work([{ key: 'a' }, { key: '' }, { key: 'secret\ud800' }, { prefix: '_perennial/x' }]);
    await expect(inspect(faulty)).rejects.toMatchObject({
      type: 'InvalidRequest',
      message: expect.stringMatching(/^(?!.*secret).*line 2: .*line 3: .*line 4: /s) as string,
    });
  });
});

describe('planObjects', () => {
  it('lists what would go, target by target, and changes nothing', async () => {
    world = await PurgeWorld.make();
    const replica = await PurgeWorld.make();
    await world.putAll(['p/a', 'p/b', 'p/b', 'q']);
    await world.remove('p/a');
    await world.upload('p/a');
    await replica.put('p/a');
    const copies = [{ bucket: world.bucket, prefix: 'p/', toBucket: replica.bucket, toPrefix: 'p/' }];
    const work = await world.work([{ prefix: 'p/' }, { key: 'q' }], { storage: { copies } });
    const before = [await world.left(), await replica.left()];
    const outputUri = `s3://${world.records}/plan.json`;
    await world.run(world.activities.planObjects, { ...work, outputUri });
    const plan = JSON.parse(await world.text(outputUri)) as PurgePlanObjects;
    const uri = `s3://${world.bucket}/`;
    expect(plan).toMatchObject({
      total: { versions: 5, markers: 1, uploads: 1, bytes: 5 },
      targets: [
        { uri: `${uri}p/`, copies: [`s3://${replica.bucket}/p/`], versions: 4, markers: 1, uploads: 1 },
        { uri: `${uri}q`, copies: [], versions: 1, markers: 0 },
      ],
      more: 0,
      blocked: [],
    });
    expect([await world.left(), await replica.left()]).toEqual(before);
    replica.close();
  });
});

it('says what would be blocked by the lock or legal hold of a version', async () => {
  world = new PurgeWorld();
  await world.s3.send(new CreateBucketCommand({ Bucket: world.bucket, ObjectLockEnabledForBucket: true }));
  await world.s3.send(new CreateBucketCommand({ Bucket: world.records }));
  await world.putAll(['p/held', 'p/locked', 'p/soft', 'p/free']);
  const Bucket = world.bucket;
  const RetainUntilDate = new Date(Date.now() + 86_400_000);
  const retain = (Key: string, Mode: 'COMPLIANCE' | 'GOVERNANCE') =>
    world.s3.send(new PutObjectRetentionCommand({ Bucket, Key, Retention: { Mode, RetainUntilDate } }));
  await retain('p/locked', 'COMPLIANCE');
  await retain('p/soft', 'GOVERNANCE');
  await world.s3.send(new PutObjectLegalHoldCommand({ Bucket, Key: 'p/held', LegalHold: { Status: 'ON' } }));
  const outputUri = `s3://${world.records}/plan.json`;
  const plan = async (options: PurgeOptions) => {
    await world.run(world.activities.planObjects, {
      ...(await world.work([{ prefix: 'p/' }], { options })),
      outputUri,
    });
    return JSON.parse(await world.text(outputUri)) as PurgePlanObjects;
  };
  const { blocked, locksNotSeen } = await plan({});
  expect(blocked.map(({ by, entries }) => [by, entries]).sort()).toEqual([
    ['legal hold', 1],
    ['object lock', 1],
    ['object lock', 1],
  ]);
  expect(locksNotSeen).toBeUndefined();
  expect((await plan({ bypassGovernance: true })).blocked).toHaveLength(2);
});

describe('verifyObjects', () => {
  it('writes one line a target in the order of the list, and no key', async () => {
    world = await PurgeWorld.make();
    await world.putAll(['p/secret', 'q', 'q']);
    const work = await world.work([{ key: 'q' }, { prefix: 'p/' }, { key: 'gone' }]);
    const seen = await world.verify(work);
    expect(seen).toMatchObject({ remaining: { versions: 3, markers: 0, uploads: 0, bytes: 3 }, later: 0, pages: 3 });
    const { hashes, bucket } = world;
    expect(await world.report(seen)).toEqual([
      { hash: hashes.object(bucket, 'q'), kind: 'object', bucket, remaining: 2, later: 0, blocked: 0 },
      { hash: hashes.prefix(bucket, 'p/'), kind: 'prefix', bucket, remaining: 1, later: 0, blocked: 0 },
      { hash: hashes.object(bucket, 'gone'), kind: 'object', bucket, remaining: 0, later: 0, blocked: 0 },
    ]);
    expect((await world.verify(work)).reportHash).toBe(seen.reportHash);
  });
});

describe('forgetTargets', () => {
  it.each(['Enabled', 'Suspended', undefined] as const)(
    'erases the list in all its versions, twice the same (%s)',
    async (Status) => {
      world = await PurgeWorld.make();
      if (Status)
        await world.s3.send(
          new PutBucketVersioningCommand({ Bucket: world.records, VersioningConfiguration: { Status } }),
        );
      const work = await world.work([{ key: 'a' }]);
      const key = work.targetsUri.slice(`s3://${world.records}/`.length);
      await world.put(key, 'once more', world.records);
      await world.put(`${key}.other`, 'stays', world.records);
      for (const time of [1, 2]) await world.run(world.activities.forgetTargets, work, time);
      const { Versions = [] } = await world.s3.send(new ListObjectVersionsCommand({ Bucket: world.records }));
      expect(Versions.map(({ Key }) => Key)).toEqual([`${key}.other`]);
    },
  );
});
