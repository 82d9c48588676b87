import { link, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PurgeWork, RowsErased, RowsVerified } from '../../contracts/purge/index.js';
import type { StorageInput } from '../../contracts/storage/index.js';
import { filesUnder } from './support/mount-world.js';
import {
  activities,
  bucket,
  interrupted,
  mirroring,
  over,
  put,
  run,
  s3,
  useBucket,
  work,
} from './support/row-world.js';

type Rules = { created?: boolean; removed?: boolean };

const BOTH = '1,anna\n2,bob\n';
const NO_ROWS = '2,bob\n';
const STILL_OPEN = `.nfs${'0a'.repeat(12)}`;

let home: string;
let mount: string;
beforeEach(async () => {
  await useBucket('Enabled');
  home = await mkdtemp(join(tmpdir(), 'perennial-rows-'));
  mount = join(home, 'mount');
  await mkdir(mount);
});
afterEach(() => rm(home, { recursive: true }));

/** A purge of the rows of anna below `data/`, which a mirror with these rules covers. */
function purge(rules: Rules = {}, rest: Partial<StorageInput['storage']> = {}): Promise<PurgeWork> {
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mountPoint: false };
  return work({ storage: { mirrors: [{ bucket, prefix: 'data/', path: mount, ...own, ...rules }], ...rest } });
}

const following = async () => (await purge()).storage;
const mirror = async (key: string) => mirroring.mirrorKey(await following(), { bucket, key });

async function file(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(mount, path)), { recursive: true });
  await writeFile(join(mount, path), content);
}

async function played(wish: PurgeWork): Promise<{ erased: RowsErased; verified: RowsVerified }> {
  return { erased: await run(activities.eraseRows, wish), verified: await run(activities.verifyRows, wish) };
}

const files = () => filesUnder(mount);
const CLEAN = { rows: 0, unreadable: 0, copies: { files: 0, conflicts: {} } };

describe('files with rows', () => {
  it('follow their objects before the purge ends, and others stay as they are', async () => {
    await put('data/a.csv', BOTH);
    await put('data/b.csv', '1,anna\n');
    await put('data/c.csv', '3,cara\n');
    for (const key of ['data/a.csv', 'data/b.csv']) await mirror(key);
    await file('c.csv', '4,dora\n');
    const { erased, verified } = await played(await purge());
    expect(erased).toMatchObject({ rows: 2, blocked: [], copies: { files: 2, mounts: [{ path: mount, files: 2 }] } });
    expect(verified).toMatchObject(CLEAN);
    expect(await files()).toEqual({ 'a.csv': NO_ROWS, 'c.csv': '4,dora\n' });
  });

  it('follow also where the mirror follows neither what is created nor what is removed', async () => {
    await put('data/a.csv', BOTH);
    await mirror('data/a.csv');
    await put('data/gone.csv', BOTH);
    await mirror('data/gone.csv');
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'data/gone.csv' }));
    await file('by/hand.csv', BOTH);
    await file('other.csv', NO_ROWS);
    await put('data/not-there.csv', NO_ROWS);
    await writeFile(Buffer.from(`${mount}/\xff.csv`, 'latin1'), BOTH);
    const { erased, verified } = await played(await purge({ created: false, removed: false }));
    expect(erased).toMatchObject({ blocked: [], copies: { files: 4 } });
    expect(verified).toMatchObject(CLEAN);
    expect(await files()).toEqual({ 'a.csv': NO_ROWS, 'other.csv': NO_ROWS });
  });

  it('go though their object can not come in their place, and what can not be searched is told', async () => {
    await file('text.csv', '1,"\n');
    await file('rows.csv', BOTH);
    const { erased, verified } = await played(await purge({ removed: false }));
    expect(erased.blocked).toMatchObject([{ by: 'error', entries: 1 }]);
    expect(erased.blocked[0]?.advice).toContain(`${mount}: rows of a file can't be searched`);
    expect(JSON.stringify([erased, verified])).not.toContain('text.csv');
    expect(verified.copies).toMatchObject({ files: 1 });
    // A mirror that removes does so by its own rules.
    expect((await played(await purge())).erased.blocked).toEqual([]);
    expect(await files()).toEqual({});
  });

  it('of what was made of an object go with that, whatever the rules', async () => {
    const copies = [{ bucket, prefix: 'data/rows/', toBucket: bucket, toPrefix: 'data/predicted/', suffix: '.out' }];
    await put('data/rows/a.csv', BOTH);
    await put('data/rows/b.csv', NO_ROWS);
    await file('predicted/a.csv.out', '0.1,x\n0.2,y\n');
    await file('predicted/b.csv.out', '0.3,z\n');
    await played(await purge({ created: false, removed: false }, { copies }));
    expect(await files()).toEqual({ 'predicted/b.csv.out': '0.3,z\n' });
  });
});

describe('rows that no name of a mirror leads to', () => {
  it('under other links are told, also after the mirror has followed and the worker was killed', async () => {
    await put('data/a.csv', BOTH);
    await put('data/b.csv', NO_ROWS);
    for (const name of ['a.csv', 'b.csv']) {
      await mirror(`data/${name}`);
      await link(join(mount, name), join(home, name));
    }
    const wish = await purge();
    const crash = () => Promise.reject(new Error('killed'));
    const dying = over(interrupted('DeleteObjectCommand', 'data/a.csv', crash, true));
    await expect(run(dying.eraseRows, wish)).rejects.toThrow();
    await mirror('data/a.csv');
    expect(await files()).toMatchObject({ 'a.csv': NO_ROWS });
    const { erased } = await played(wish);
    expect(erased).toMatchObject({ rows: 1, objectsRewritten: 1, blocked: [{ by: 'error', entries: 1 }] });
    expect(erased.blocked[0]?.advice).toContain('1 × file with other links');
    expect(await readFile(join(home, 'a.csv'), 'utf8')).toBe(BOTH);
  });

  it('in deleted files that are still open are told where they may have rows', async () => {
    await put('data/a/b.csv', NO_ROWS);
    const one = { ...(await purge()), ...(await work({ targets: [{ bucket, key: 'data/a/b.csv' }] })) };
    const storage = await following();
    for (const wish of [await purge(), { ...one, storage }]) {
      await file(`a/${STILL_OPEN}`, NO_ROWS);
      expect(await run(activities.verifyRows, wish)).toMatchObject(CLEAN);
      await file(`a/${STILL_OPEN}`, BOTH);
      const held = { files: 0, conflicts: { 'deleted file that is still open': 1 } };
      expect(await run(activities.verifyRows, wish)).toMatchObject({ rows: 0, copies: held });
    }
  });
});

describe('verifyRows', () => {
  it('reads every file that is no copy of its object, and drops what is half copied', async () => {
    await put('data/a.csv', NO_ROWS);
    await mirror('data/a.csv');
    await file('a.csv', BOTH);
    await file('b.csv', '1,"\n');
    await file('c.csv', NO_ROWS);
    await file('.perennial/half', BOTH);
    expect(await run(activities.verifyRows, await purge())).toMatchObject({ rows: 0, copies: { files: 2, bytes: 17 } });
    expect(await readdir(join(mount, '.perennial'))).toEqual([]);
  });

  it('fails where nothing is mounted: nothing is known then', async () => {
    await put('data/a.csv', NO_ROWS);
    const wish = await purge();
    await rm(mount, { recursive: true });
    for (const activity of [activities.eraseRows, activities.verifyRows])
      await expect(run<PurgeWork, unknown>(activity, wish)).rejects.toMatchObject({ type: 'ResourceMissing' });
    await mkdir(mount);
  });
});
