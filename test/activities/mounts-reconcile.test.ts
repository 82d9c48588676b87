import { mkdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Folder } from '../../activities/mounts/folder.js';
import { bytesOf } from '../../activities/mounts/image.js';
import { walk } from '../../activities/mounts/walk.js';
import { MountWorld } from './support/mount-world.js';
import { runActivity } from './support/world.js';

let world: MountWorld;
beforeEach(async () => {
  world = await MountWorld.make();
});
afterEach(() => world.close());

const reconcile = (dryRun: boolean, mirror: Parameters<MountWorld['storage']>[0] = {}) =>
  runActivity(world.activities.reconcileMirror, { storage: world.storage(mirror), mirror: 0, dryRun });

/** Keys whose order by folders and by whole keys differ. */
const KEYS = ['a', 'a!', 'a-b/c', 'a.b', 'a0', 'b/c/d', 'b/c.d', 'b/c0', 'é', 'z\u{1F600}', 'z\uFFFD', 'Z'];

it('copies what is missing or other, removes what is too much, and says it before', async () => {
  for (const key of KEYS) await world.put(key);
  for (const key of KEYS.slice(0, 8)) await world.mirror(key);
  for (const path of ['a/x', 'b/c/e', 'zz', 'a.b']) await world.file(path, 'other').catch(() => undefined);
  await symlink('/etc/passwd', join(world.mount, 'link'));
  const found = await reconcile(true);
  expect(found).toMatchObject({
    bucket: world.bucket,
    prefix: '',
    path: world.mount,
    copied: 5,
    removed: 3,
    conflicts: {},
  });
  expect(await readFile(join(world.mount, 'a.b'), 'utf8')).toBe('other');
  expect(await reconcile(false)).toEqual({ ...found, examined: found.examined });
  expect(await world.files()).toEqual(Object.fromEntries(KEYS.map((key) => [key, key])));
  expect(await reconcile(true)).toMatchObject({ examined: 2 * KEYS.length, copied: 0, removed: 0, bytes: 0 });
});

it('goes by the rules of the mirror', async () => {
  await world.put('p/new');
  await world.put('q/other');
  await world.file('old');
  expect(await reconcile(false, { prefix: 'p/', created: false, removed: false })).toMatchObject({
    copied: 0,
    removed: 0,
  });
  expect(await reconcile(false, { prefix: 'p/', removed: false })).toMatchObject({ copied: 1, removed: 0 });
  expect(await world.files()).toEqual({ new: 'p/new', old: 'old' });
});

it('tells what can not be made equal, and leaves files without a possible key alone', async () => {
  for (const key of ['a', 'a/b', 'x//y', 'm/']) await world.put(key);
  await writeFile(Buffer.from(`${world.mount}/\xff`, 'latin1'), 'mine');
  const done = await reconcile(false);
  expect(done.conflicts).toMatchObject({ 'key without an image on a mount': 1, 'name that no key can have': 1 });
  expect(done.copied + Number(done.conflicts['file in the place of a folder'] ?? 0)).toBeGreaterThan(0);
  expect(await readFile(Buffer.from(`${world.mount}/\xff`, 'latin1'), 'utf8')).toBe('mine');
});

it('keeps what is being copied, and fails where nothing is mounted', async () => {
  await world.file('.perennial/now');
  expect(await reconcile(false)).toMatchObject({ examined: 0 });
  expect(await world.files()).toEqual({ '.perennial/now': '.perennial/now' });
  await expect(reconcile(false, { mountPoint: true })).rejects.toMatchObject({ type: 'ResourceMissing' });
});

it('walks in the order in which S3 lists', async () => {
  const paths = KEYS.filter((key) => key !== 'a').concat('a/b');
  for (const path of paths) await world.file(path);
  await mkdir(join(world.mount, 'empty'));
  await utimes(join(world.mount, 'Z'), 0, 0);
  const root = await Folder.root(world.storage().mirrors[0] ?? { path: '', mountPoint: false });
  const found: string[] = [];
  for await (const { path } of walk(root)) found.push(path);
  await root.close();
  const ordered = paths.map((path) => Buffer.from(path)).sort((one, other) => Buffer.compare(one, other));
  expect(found).toEqual(ordered.map((path) => bytesOf(path.toString())));
});
