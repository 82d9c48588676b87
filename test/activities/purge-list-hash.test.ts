import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setTombstones, settleTombstones } from '../../activities/lineage/tombstones.js';
import { createCopyActivities } from '../../activities/mounts/erase.js';
import { createRowActivities } from '../../activities/rows/index.js';
import { ListUpload } from '../../client/purge/list.js';
import { parseS3Uri } from '../../contracts/names.js';
import type { PurgeWork } from '../../contracts/purge/index.js';
import { PurgeWorld } from './support/purge-world.js';

let world: PurgeWorld;
beforeEach(async () => {
  world = await PurgeWorld.make();
});
afterEach(() => world.close());

/** Every activity that works off the list of a purge. */
const activities = (): Record<string, (work: PurgeWork) => Promise<unknown>> => {
  const { s3, hashes } = world;
  const copies = createCopyActivities({ s3, hashes: async () => hashes });
  const mirroring = { mirrorKey: async () => ({ conflicts: [] }) } as never;
  const rows = createRowActivities({ s3, hashes: async () => hashes, mirroring });
  const outputUri = `s3://${world.records}/plan.json`;
  const ofRows = (work: PurgeWork): PurgeWork => ({ ...work, options: { column: 1 } });
  return {
    planObjects: (work) => world.activities.planObjects({ ...work, outputUri }),
    eraseObjects: (work) => world.activities.eraseObjects({ ...work, leg: 1 }),
    verifyObjects: world.activities.verifyObjects,
    eraseCopies: copies.eraseCopies,
    verifyCopies: copies.verifyCopies,
    eraseRows: (work) => rows.eraseRows(ofRows(work)),
    verifyRows: (work) => rows.verifyRows(ofRows(work)),
    setTombstones: (work) => setTombstones(s3, hashes, work),
    settleTombstones: (work) => settleTombstones(s3, async () => hashes, work),
  };
};

describe('a list of targets that was exchanged after the inspection', () => {
  it('is refused by every activity that works it off, and nothing is touched', async () => {
    await world.putAll(['target', 'bystander']);
    const work = await world.work([{ key: 'target' }, { value: 'ann' } as never]);
    const { key } = parseS3Uri(work.targetsUri);
    const line = (text: object) => JSON.stringify(text);
    await world.put(
      key,
      [line({ bucket: world.bucket, key: 'target' }), line({ value: 'ann' })].join('\n'),
      world.records,
    );
    const { hash } = await world.run(world.activities.inspectTargets, work);
    const known = { ...work, targetsHash: hash };
    // The same list is the same.
    for (const name of ['verifyObjects', 'verifyCopies', 'verifyRows'])
      await world.run(activities()[name] as (work: PurgeWork) => Promise<unknown>, known);
    await world.put(
      key,
      [line({ bucket: world.bucket, key: 'bystander' }), line({ value: 'ann' })].join('\n'),
      world.records,
    );
    for (const [name, activity] of Object.entries(activities())) {
      const failure: unknown = await world.run(activity, known).catch((error: unknown) => error);
      expect({ name, failure }).toMatchObject({
        failure: {
          type: 'RecordConflict',
          nonRetryable: true,
          message: expect.stringContaining(`${work.targetsUri}, the list of targets, is not the one`) as string,
        },
      });
      expect(String(failure)).not.toContain('bystander');
    }
    expect((await world.left()).sort()).toEqual(['bystander version', 'target version']);
    expect(await world.tombstones()).toEqual([]);
  });
});

describe('the hash of a list', () => {
  const plainHash = (line: object) =>
    createHash('sha256')
      .update(`${JSON.stringify(line)}\n`)
      .digest('hex');

  it('is keyed: who sees it can not guess a list by it', async () => {
    const work = await world.work([{ key: 'ann@example.org' }]);
    const { hash } = await world.run(world.activities.inspectTargets, work);
    const plain = plainHash({ bucket: world.bucket, key: 'ann@example.org' });
    expect(hash).toBe(world.hashes.list(plain));
    expect(hash).not.toContain(plain);
    // Purges that began before go on with the plain one.
    await world.run(world.activities.verifyObjects, { ...work, targetsHash: plain });
    const other = { ...work, targetsHash: 'a'.repeat(64) };
    await expect(world.run(world.activities.verifyObjects, other)).rejects.toMatchObject({ type: 'RecordConflict' });
  });

  it('is salted by who writes the list, until it is known', async () => {
    const line = { bucket: world.bucket, key: 'ann@example.org' };
    const work = await world.work([line]);
    const list = new ListUpload({ bucket: world.records }, world.s3);
    await list.add(line);
    await list.finish();
    const written = { ...work, targetsUri: list.uri, targetsHash: list.hash };
    expect(list.hash).not.toBe(plainHash(line));
    await world.run(world.activities.inspectTargets, written);
    for (const targetsHash of [plainHash(line), 'a'.repeat(64)])
      await expect(world.run(world.activities.inspectTargets, { ...written, targetsHash })).rejects.toMatchObject({
        type: 'RecordConflict',
      });
  });
});
