import { link, mkdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PurgePlanCopies, TargetLine } from '../../contracts/purge/index.js';
import { readText } from '../../activities/s3/objects.js';
import { MountWorld, filesUnder } from './support/mount-world.js';
import { runActivity } from './support/world.js';

let world: MountWorld;
beforeEach(async () => {
  world = await MountWorld.make();
});
afterEach(() => world.close());

const key = (name: string): TargetLine => ({ bucket: world.bucket, key: name });
const prefix = (name: string): TargetLine => ({ bucket: world.bucket, prefix: name });

async function erase(targets: readonly TargetLine[], rest: Parameters<MountWorld['work']>[1] = {}) {
  const work = await world.work(targets, rest);
  const erased = await runActivity(world.activities.eraseCopies, work);
  const again = await runActivity(world.activities.eraseCopies, work);
  const verified = await runActivity(world.activities.verifyCopies, work);
  return { erased, again, verified };
}

describe('copies of objects', () => {
  it('go, with the folders they leave empty, and no look-alike does', async () => {
    for (const path of ['a', 'a.bak', 'b/a', 'b/c/a', 'd/1', '\u00e9']) await world.file(path);
    const { erased, again, verified } = await erase(['a', 'b/c/a', 'd/1', 'e\u0301', 'none', 'a/b'].map(key));
    expect(erased).toEqual({
      files: 3,
      bytes: 9,
      mounts: [{ path: world.mount, backups: 'P35D', files: 3 }],
      conflicts: {},
    });
    expect(again.files + verified.files).toBe(0);
    expect(await world.files()).toEqual({ 'a.bak': 'a.bak', 'b/a': 'b/a', '\u00e9': '\u00e9' });
  });

  it('of declared copies go too, and other buckets mean nothing here', async () => {
    for (const path of ['in/1', 'out/1.out', 'out/1']) await world.file(path);
    const copies = [{ bucket: 'originals', prefix: 'data/', toBucket: world.bucket, toPrefix: 'out/', suffix: '.out' }];
    const storage = world.storage({}, { copies });
    const { erased } = await erase(
      [
        { bucket: 'originals', key: 'data/1' },
        { bucket: 'other', key: 'in/1' },
      ],
      { storage },
    );
    expect(erased.files).toBe(1);
    expect(await world.files()).toEqual({ 'in/1': 'in/1', 'out/1': 'out/1' });
  });

  it('that can be nowhere on the mount, or whose place a folder has, are told by reason', async () => {
    await world.file('a/b');
    await mkdir(world.outside);
    await writeFile(join(world.outside, 'x'), 'stays');
    await symlink(world.outside, join(world.mount, 'link'));
    const { erased, verified } = await erase(['../outside/x', 'a//b', '/etc/passwd', 'a', 'link/x', 'a/'].map(key));
    const conflicts = {
      'key without an image on a mount': 3,
      'folder in the place of a file': 1,
      'symbolic link in the path': 1,
    };
    expect(erased).toMatchObject({ files: 0, conflicts });
    expect(verified).toMatchObject({ files: 0, conflicts });
    expect(await filesUnder(world.outside)).toEqual({ x: 'stays' });
  });

  it('with other links go under their own name alone, and that is told', async () => {
    await world.file('a');
    await mkdir(world.outside);
    await link(join(world.mount, 'a'), join(world.outside, 'a'));
    await symlink(join(world.outside, 'a'), join(world.mount, 'b'));
    const { erased } = await erase(['a', 'b'].map(key));
    expect(erased).toMatchObject({ files: 2, conflicts: { 'file with other links': 1 } });
    expect(await filesUnder(world.outside)).toEqual({ a: 'a' });
  });

  it('that are deleted and still open, or half copied, are seen', async () => {
    const stillOpen = `.nfs${'0a'.repeat(12)}`;
    for (const path of [`a/${stillOpen}`, 'a/b', '.perennial/half']) await world.file(path);
    const { erased, verified } = await erase([key('a/b')]);
    expect(erased).toMatchObject({ files: 1, conflicts: {} });
    expect(verified).toMatchObject({ files: 0, conflicts: { 'deleted file that is still open': 1 } });
    expect(Object.keys(await world.files())).toEqual([`a/${stillOpen}`]);
  });

  it('of an upload since then stay where such are left, whatever time a file claims', async () => {
    const startedAt = new Date(Date.now() - 60_000).toISOString();
    const ref = { request: 'r', execution: 'e', startedAt };
    await world.put('later');
    await world.mirror('later');
    await world.file('forged');
    await utimes(join(world.mount, 'forged'), new Date(), new Date());
    const targets = ['later', 'forged'].map(key);
    const { erased, verified } = await erase(targets, { ref, options: { tombstones: false } });
    expect([erased.files, verified.files]).toEqual([1, 0]);
    expect(await readFile(join(world.mount, 'later'), 'utf8')).toBe('later');
    const uploads = { uploads: 'purge', tombstones: false } as const;
    expect((await erase(targets, { ref, options: uploads })).erased.files).toBe(1);
    expect(await world.files()).toEqual({});
    // No mount may have what a tombstone stands for.
    await world.mirror('later');
    expect((await erase(targets, { ref })).erased.files).toBe(1);
  });
});

describe('copies below a prefix', () => {
  const paths = ['a', 'ab', 'ab/c', 'abc/d/e', 'b/a'];

  it('go by the beginning of the whole key', async () => {
    for (const path of paths.filter((one) => one !== 'ab')) await world.file(path);
    await world.file('.perennial-x', 'a name like others');
    expect((await erase([prefix('ab')])).erased.files).toBe(2);
    expect(Object.keys(await world.files()).sort()).toEqual(['.perennial-x', 'a', 'b/a']);
    expect((await erase([prefix('a/')])).erased.files).toBe(0);
    expect((await erase([prefix('')])).erased.files).toBe(3);
    expect(await world.files()).toEqual({});
  });

  it('go from a mirror of a prefix, whether the target lies below or above it', async () => {
    const storage = world.storage({ prefix: 'data/train/' });
    await world.file('x/1');
    await world.file('y/1');
    expect((await erase([prefix('data/train/x/')], { storage })).erased.files).toBe(1);
    expect((await erase([prefix('data/test/')], { storage })).erased.files).toBe(0);
    expect((await erase([prefix('data/')], { storage })).erased.files).toBe(1);
  });

  it('go in their thousands, also without a name in UTF-8, and the mount stays', async () => {
    await mkdir(join(world.mount, 'many'));
    const names = Array.from({ length: 400 }, (_, index) => Buffer.from(`${world.mount}/many/\xff${index}`, 'latin1'));
    for (const name of names) await writeFile(name, '');
    const { erased, verified } = await erase([prefix('many/')]);
    expect([erased.files, verified.files]).toEqual([400, 0]);
    expect(await filesUnder(world.mount)).toEqual({});
  });
});

it('is planned with paths in an object, and nothing is touched', async () => {
  for (const path of ['p/1', 'p/2', 'q']) await world.file(path);
  const work = await world.work([prefix('p/'), key('q'), key('../x')]);
  const outputUri = `s3://${world.bucket}/_perennial/plan.json`;
  await runActivity(world.activities.planCopies, { ...work, outputUri });
  const plan = JSON.parse(
    (await readText(world.s3, world.bucket, '_perennial/plan.json'))?.body ?? '',
  ) as PurgePlanCopies;
  expect(plan).toEqual({
    paths: ['p/1', 'p/2', 'q'].map((path) => join(world.mount, path)),
    more: 0,
    files: 3,
    bytes: 7,
    mounts: [{ path: world.mount, backups: 'P35D', files: 3 }],
    conflicts: { 'key without an image on a mount': 1 },
  });
  expect(Object.keys(await world.files())).toHaveLength(3);
});

it('fails where nothing is mounted and a target would be, and only there; a purge of rows erases no files', async () => {
  const storage = world.storage({ mountPoint: true, prefix: 'data/' });
  const concerned = await world.work([key('data/x')], { storage });
  for (const activity of [world.activities.eraseCopies, world.activities.verifyCopies])
    await expect(runActivity(activity, concerned)).rejects.toMatchObject({ type: 'ResourceMissing' });
  const other = await world.work([key('other/x')], { storage });
  expect(await runActivity(world.activities.verifyCopies, other)).toMatchObject({ files: 0, mounts: [] });
  const rows = await world.work([key('data/x')], { options: { column: 1 } });
  await expect(runActivity(world.activities.eraseCopies, rows)).rejects.toMatchObject({ type: 'InvalidRequest' });
});
