import { type FileHandle, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadObjectCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { own } from '../../activities/mounts/folder.js';
import type { Mirror } from '../../contracts/storage/index.js';
import { MountWorld, filesUnder } from './support/mount-world.js';

let world: MountWorld;
beforeEach(async () => {
  world = await MountWorld.make();
});
afterEach(() => world.close());

const NOTHING = { copied: 0, removed: 0, bytes: 0, conflicts: [] };

describe('an object that was created', () => {
  it('is copied with the modes and time that are declared, and not again while it is equal', async () => {
    await world.put('data/2026/01.csv', 'a,b\n');
    expect(await world.mirror('data/2026/01.csv', { prefix: 'data/' })).toEqual({ ...NOTHING, copied: 1, bytes: 4 });
    expect(await world.files()).toEqual({ '2026/01.csv': 'a,b\n' });
    const [file, folder] = await Promise.all([stat(join(world.mount, '2026/01.csv')), stat(join(world.mount, '2026'))]);
    expect([file.mode & 0o777, folder.mode & 0o777]).toEqual([0o640, 0o750]);
    const head = await world.s3.send(new HeadObjectCommand({ Bucket: world.bucket, Key: 'data/2026/01.csv' }));
    expect(Math.floor(file.mtimeMs / 1_000)).toBe(Math.floor((head.LastModified?.getTime() ?? 0) / 1_000));
    expect(await world.mirror('data/2026/01.csv', { prefix: 'data/' })).toEqual(NOTHING);
    expect((await stat(join(world.mount, '2026/01.csv'))).ino).toBe(file.ino);
  });

  it('is copied again when another of the same size came in the same second', async () => {
    for (const content of ['one', 'two', 'six', 'ten']) {
      await world.put('a', content);
      await world.mirror('a');
      expect(await readFile(join(world.mount, 'a'), 'utf8')).toBe(content);
    }
  });

  it('has odd characters in its name', async () => {
    const keys = [
      'a b+c é%20.csv',
      '日本/x.csv',
      'x&<>"\'',
      '\u0001',
      '😀',
      'e\u0301',
      '\u00e9',
      '...',
      'tab\tnew\nline',
      '-rf',
    ];
    for (const key of keys) {
      await world.put(key);
      expect(await world.mirror(key), key).toMatchObject({ copied: 1, conflicts: [] });
    }
    expect(await world.files()).toEqual(Object.fromEntries(keys.map((key) => [key, key])));
  });

  it('has no copy where its key has no image on a mount, is a folder, or is a record of purges', async () => {
    const none = [
      '../x',
      'a/../../x',
      './x',
      'a//b',
      '/x',
      `a/${'x'.repeat(256)}`,
      '.perennial/x',
      `.nfs${'0a'.repeat(12)}`,
    ];
    for (const key of none) {
      expect((await world.mirror(key)).conflicts, key).toEqual(['key without an image on a mount']);
    }
    for (const key of ['a/', '_perennial/targets/x']) {
      await world.put(key);
      expect(await world.mirror(key), key).toEqual(NOTHING);
    }
    expect(await world.files()).toEqual({});
  });

  it('is a conflict where a folder with files of other objects has its name, and the other way round', async () => {
    for (const key of ['a', 'a/b']) await world.put(key);
    await world.mirror('a');
    expect((await world.mirror('a/b')).conflicts).toEqual(['file in the place of a folder']);
    expect(await world.files()).toEqual({ a: 'a' });
    await world.remove('a');
    expect(await world.mirror('a/b')).toMatchObject({ copied: 1, conflicts: [] });
    await world.put('a');
    expect((await world.mirror('a')).conflicts).toEqual(['folder in the place of a file']);
    await world.remove('a/b');
    // The folder goes with its last file, and what was in its way comes.
    await world.mirror('a/b');
    expect(await world.files()).toEqual({ a: 'a' });
  });

  it('is not led out of the mount by a link, which makes way where it has no object', async () => {
    await mkdir(world.outside);
    await writeFile(join(world.outside, 'x'), 'stays');
    await symlink(world.outside, join(world.mount, 'a'));
    await symlink(join(world.outside, 'x'), join(world.mount, 'x'));
    for (const key of ['a/x', 'x']) {
      await world.put(key, 'new');
      expect(await world.mirror(key)).toMatchObject({ copied: 1, conflicts: [] });
    }
    expect(await filesUnder(world.outside)).toEqual({ x: 'stays' });
    expect(await world.files()).toEqual({ x: 'new', 'a/x': 'new' });
  });

  it('stays away where the mirror copies nothing', async () => {
    await world.put('a');
    expect(await world.mirror('a', { created: false })).toEqual(NOTHING);
    expect(await world.mirror('a', { prefix: 'b/' })).toEqual(NOTHING);
    expect(await world.files()).toEqual({});
  });

  it('keeps the owner that it can have where only root could give it away, and says so', async () => {
    const handle = {
      chmod: async () => undefined,
      stat: async () => ({ uid: 5, gid: 5 }),
      chown: async () => Promise.reject(Object.assign(new Error('refused'), { code: 'EPERM' })),
    } as unknown as FileHandle;
    const ownership = world.storage({ uid: 6, gid: 6 }).mirrors[0] as Mirror;
    expect(await own(handle, ownership, 0o640)).toBe(false);
    expect(await own(handle, { ...ownership, uid: 5, gid: 5 }, 0o640)).toBe(true);
  });

  it('leaves nothing of a copy that fails, and no word of the key', async () => {
    await world.put('secret-name', 'x'.repeat(100));
    const send = world.s3.send.bind(world.s3) as (command: object) => Promise<object>;
    const failing = Object.assign(Object.create(world.s3) as typeof world.s3, {
      send: async (command: object) => {
        const answer = await send(command);
        return command.constructor.name === 'GetObjectCommand' ? { ...answer, Body: broken() } : answer;
      },
    });
    const attempt = world.mirroringOf({ s3: failing }).mirrorKey(world.storage(), {
      bucket: world.bucket,
      key: 'secret-name',
    });
    const error = await attempt.then(
      () => undefined,
      (failure: unknown) => failure as Error,
    );
    expect(error?.message).toContain(`an object of s3://${world.bucket}: read failed`);
    expect(JSON.stringify([error?.message, error?.stack, error?.cause])).not.toContain('secret-name');
    expect(await world.files()).toEqual({});
    expect(await readdir(join(world.mount, '.perennial'))).toEqual([]);
  });
});

async function* broken() {
  yield Buffer.from('half');
  await Promise.reject(Object.assign(new Error('cut off in secret-name'), { code: 'ECONNRESET' }));
}

describe('an object that was removed', () => {
  it('goes from the mount with the folders that it leaves empty', async () => {
    for (const key of ['a/b/c/1', 'a/2']) {
      await world.put(key);
      await world.mirror(key);
    }
    await world.remove('a/b/c/1');
    expect(await world.mirror('a/b/c/1')).toEqual({ ...NOTHING, removed: 1 });
    expect(await readdir(join(world.mount, 'a'))).toEqual(['2']);
    await world.remove('a/2');
    await world.mirror('a/2');
    // The mirror's own folder stays.
    expect(await readdir(world.mount)).toEqual(['.perennial']);
    expect(await world.mirror('a/2')).toEqual(NOTHING);
  });

  it('stays on a mirror that removes nothing, and is there as long as a version is current', async () => {
    const Status = 'Enabled' as const;
    await world.s3.send(new PutBucketVersioningCommand({ Bucket: world.bucket, VersioningConfiguration: { Status } }));
    await world.put('a', 'one');
    await world.put('a', 'two!');
    await world.mirror('a');
    await world.remove('a');
    expect(await world.mirror('a', { removed: false })).toEqual(NOTHING);
    expect(await world.files()).toEqual({ a: 'two!' });
    expect(await world.mirror('a')).toEqual({ ...NOTHING, removed: 1 });
  });

  it('is not believed of a bucket that is gone', async () => {
    await world.file('a');
    const storage = world.storage({ bucket: 'no-such-bucket-anywhere' });
    const attempt = world.mirroring.mirrorKey(storage, { bucket: 'no-such-bucket-anywhere', key: 'a' });
    await expect(attempt).rejects.toMatchObject({ type: 'ResourceMissing' });
    expect(await world.files()).toEqual({ a: 'a' });
  });
});

describe('a mount that is missing', () => {
  it('is a failure, never an absence', async () => {
    const says = { type: 'ResourceMissing', message: expect.stringContaining('nothing is mounted at') };
    await expect(world.mirror('a', { mountPoint: true })).rejects.toMatchObject(says);
    await expect(world.mirror('a', { path: join(world.mount, 'none') })).rejects.toMatchObject(says);
    await symlink(world.mount, `${world.outside}-link`);
    await expect(world.mirror('a', { path: `${world.outside}-link` })).rejects.toMatchObject(says);
  });
});

it('ends equal whatever happens at the same time, in this worker and in others', async () => {
  const others = [world.mirroring, world.mirroringOf(), world.mirroringOf()];
  const key = 'folder/file';
  const storage = world.storage();
  const looks: Promise<unknown>[] = [];
  for (let round = 0; round < 30; round += 1) {
    if (round % 5 === 4) await world.remove(key);
    else await world.put(key, `content ${round}`.repeat(round + 1));
    for (const one of others) looks.push(one.mirrorKey(storage, { bucket: world.bucket, key }));
  }
  await Promise.all(looks);
  expect(await world.files()).toEqual({});
  await world.put(key, 'the last');
  await Promise.all(others.map((one) => one.mirrorKey(storage, { bucket: world.bucket, key })));
  expect(await world.files()).toEqual({ [key]: 'the last' });
});
