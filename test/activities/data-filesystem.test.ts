import { PutObjectCommand } from '@aws-sdk/client-s3';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { definitionHash } from '../../activities/data/index.js';
import { modelHash } from '../../activities/data/hashes.js';
import { etagsOf } from '../../activities/evaluation/score.js';
import { assertSameTraining, channelsOf } from '../../activities/resume/job.js';
import { trainingRequest } from '../../activities/training/request.js';
import type { FileRecord } from '../../contracts/records.js';
import { World } from './support/world.js';

const FILE_SYSTEM = 'fs-0123456789abcdef0';
const NETWORK = { subnets: ['subnet-1'], securityGroups: ['sg-1'] };

let world: World;
let folder: string;
beforeEach(async () => {
  world = await World.make();
  folder = await mkdtemp(join(tmpdir(), 'perennial-mount-'));
  await world.put('2026-01-01.csv');
});
afterEach(async () => {
  world.close();
  await rm(folder, { recursive: true, force: true });
});

type Channel = Record<string, unknown>;
const withMount = (more: Channel = {}) =>
  world.definition({
    data: {
      fileSystems: [
        { channel: 'images', fileSystem: FILE_SYSTEM, directory: '/data/images', path: folder, ...more },
      ] as never,
    },
    network: NETWORK,
  });

async function file(path: string, text = 'x', modified = '2025-06-01T12:00:00Z'): Promise<void> {
  const at = join(folder, path);
  await mkdir(dirname(at), { recursive: true });
  await writeFile(at, text);
  await utimes(at, new Date(modified), new Date(modified));
}

const record = async (uri: string | undefined) => (await world.json(uri)) as FileRecord;

describe('a channel on a mounted file system', () => {
  it('is listed whole, whatever the date, as part of the files of the run, and has no manifest', async () => {
    await file('2014-02-03/a.png', 'abc');
    await file('sub/déjà vu.png', 'ab');
    const result = await world.check({ definition: withMount() });
    expect(result).toMatchObject({ news: true, files: 3, newestDate: '2026-01-01', oldestDate: '2026-01-01' });
    expect(result.channels.map(({ name }) => name)).toEqual(['train']);
    const { files, dataHash } = await record(result.fileRecordUri);
    expect(files).toMatchObject([
      {
        channel: 'images',
        key: `${FILE_SYSTEM}:/data/images/2014-02-03/a.png`,
        date: '2014-02-03',
        etag: 'mtime-1748779200000000000',
        size: 3,
        mounted: true,
      },
      { key: `${FILE_SYSTEM}:/data/images/sub/déjà vu.png`, date: '2025-06-01', size: 2 },
      { channel: 'train', key: 'data/x/train/2026-01-01.csv' },
    ]);
    expect(files[2]).not.toHaveProperty('mounted');
    expect(dataHash).toBe(result.dataHash);
  });

  it('names the objects that it mirrors, and keeps them apart from those in S3', async () => {
    await file('2026-01-01.csv', 'some,row\n');
    const definition = withMount({ mirrorOf: `s3://${world.bucket}/data/x/train/` });
    const first = await world.deploy({ definition });
    expect((await record(first.fileRecordUri)).files.map(({ channel, key }) => [channel, key])).toEqual([
      ['images', 'data/x/train/2026-01-01.csv'],
      ['train', 'data/x/train/2026-01-01.csv'],
    ]);
    expect(await world.check({ definition })).toMatchObject({ news: false, added: 0, changed: 0, removed: 0 });
    const etags = await world.run(() => etagsOf(world.s3, first.fileRecordUri ?? ''), undefined);
    expect([...etags.values()]).toEqual([expect.stringMatching(/^"[0-9a-f]{32}"$/)]);
  });

  it('is news when a file comes, changes or goes, be it older than the window, and fails the confirmation', async () => {
    const definition = withMount();
    definition.data.window = 'P30D';
    await file('a');
    await file('b');
    await file('c');
    const { fileRecordUri = '' } = await world.deploy({ definition });
    expect((await world.check({ definition })).news).toBe(false);
    const confirmed = () => world.run(world.data.confirmFiles, { ref: world.nextRef(), definition, fileRecordUri });
    expect(await confirmed()).toEqual({ changed: 0, removed: 0 });

    await file('a', 'y', '2025-06-02T00:00:00Z');
    await unlink(join(folder, 'b'));
    await file('d');
    expect(await world.check({ definition })).toMatchObject({ news: true, added: 1, changed: 1, removed: 1 });
    expect(await confirmed()).toEqual({ changed: 1, removed: 1 });
  });

  it('does not follow links, and says so of all that it does not list', async () => {
    await file('a');
    await symlink('/etc', join(folder, 'etc'));
    await symlink(join(folder, 'a'), join(folder, 'link'));
    const socket = createServer().listen(join(folder, 'socket'));
    onTestFinished(() => void socket.close());
    await once(socket, 'listening');
    await writeFile(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff])]), 'x');
    await file('.nfs000000000000000000000001', 'deleted, but open');
    await file('.perennial/being-copied', 'not there yet');
    const { files, reasons } = await world.check({ definition: withMount() });
    expect(files).toBe(2);
    expect(reasons.at(-1)).toBe(
      'channel images: not in the record of this run, though training may see it: 2 symbolic links, not followed; 1 neither file nor folder; 1 with a name that is no UTF-8',
    );
  });

  it('says what to mount where nothing is, and what to fill where it is empty', async () => {
    await expect(world.check({ definition: withMount() })).rejects.toMatchObject({
      type: 'DataInvalid',
      message: `no files in ${folder}, where channel images is read: mount the file system there on every worker, or fill the folder`,
    });
    const link = `${folder}-link`;
    await rename(folder, `${folder}-real`);
    try {
      await expect(world.check({ definition: withMount() })).rejects.toMatchObject({
        type: 'ResourceMissing',
        message: expect.stringContaining(
          `mount ${FILE_SYSTEM} on every worker so that its /data/images is there`,
        ) as string,
      });
      await symlink(`${folder}-real`, link);
      await expect(world.check({ definition: withMount({ path: link }) })).rejects.toMatchObject({
        type: 'ResourceMissing',
        message: expect.stringContaining('has a link in its path') as string,
      });
    } finally {
      await rm(link, { force: true });
      await rename(`${folder}-real`, folder);
    }
  });

  it('reads more files than it looks at once, at any depth', async () => {
    for (let at = 0; at < 100; at += 1) await file(`${'deep/'.repeat(at % 5)}f${at}`);
    const { fileRecordUri } = await world.check({ definition: withMount() });
    const keys = (await record(fileRecordUri)).files.flatMap(({ key, mounted }) => (mounted ? [key] : []));
    expect(keys).toHaveLength(100);
    expect(keys).toEqual([...keys].sort());
  });
});

describe('what a definition with such a channel makes', () => {
  it('is a FileSystemDataSource beside the manifests', () => {
    const { request } = trainingRequest(
      {
        ref: world.nextRef(),
        definition: withMount({ type: 'FSxLustre', access: 'rw' }),
        attempt: 0,
        channels: [{ name: 'train', manifestUri: 's3://b/train.manifest', files: 1 }],
      },
      'us-east-1',
    );
    expect(request.InputDataConfig).toMatchObject([
      { ChannelName: 'train', DataSource: { S3DataSource: { S3Uri: 's3://b/train.manifest' } } },
      {
        ChannelName: 'images',
        DataSource: {
          FileSystemDataSource: {
            FileSystemId: FILE_SYSTEM,
            FileSystemType: 'FSxLustre',
            DirectoryPath: '/data/images',
            FileSystemAccessMode: 'rw',
          },
        },
      },
    ]);
    expect(request.VpcConfig).toBeDefined();
  });

  it('holds up a run whose job would read a purged file, and says so without its name', async () => {
    await file('anna.png');
    const definition = withMount({ mirrorOf: `s3://${world.bucket}/data/x/images/` });
    const taken = await world.deploy({ definition });
    const stone = `${(await world.hashes()).object(world.bucket, 'data/x/images/anna.png')}\n`;
    const Key = '_perennial/tombstones/request-1/a.txt';
    await world.s3.send(new PutObjectCommand({ Bucket: world.bucket, Key, Body: stone }));
    const refused = await world.check({ definition, force: true }).catch((error: Error) => error.message);
    expect(refused).toContain('1 purged file on the mounts of data.fileSystems');
    expect(refused).toContain('request-1');
    expect(refused).not.toContain('anna');
    const { fileRecordUri = '' } = taken;
    const confirmed = await world.run(world.data.confirmFiles, { ref: world.nextRef(), definition, fileRecordUri });
    expect(confirmed).toMatchObject({ removed: 1 });
    await unlink(join(folder, 'anna.png'));
    await file('ben.png');
    expect(await world.check({ definition })).toMatchObject({ news: true, files: 2 });
  });

  it('is compared with the job of a run that is taken up, whose manifests alone are passed on', () => {
    const ref = world.nextRef();
    const channels = [{ name: 'train', manifestUri: 's3://b/train.manifest', files: 1 }];
    const definition = withMount();
    const { request } = trainingRequest({ ref, definition, attempt: 0, channels }, 'us-east-1');
    const detail = request as never;
    expect(channelsOf(detail, () => 1)).toEqual(channels);
    const job = {
      trainingJob: 'job-1',
      image: String(request.AlgorithmSpecification?.TrainingImage),
      instanceType: 'ml.m5.large',
    };
    const compare = (now: typeof definition) => () =>
      assertSameTraining({ detail, job }, { ref, definition: now, region: 'us-east-1' });
    expect(compare(withMount({ path: '/mnt/elsewhere' }))).not.toThrow();
    expect(compare(withMount({ directory: '/other' }))).toThrow(/other values of data\.fileSystems than/);
  });

  it('is another model, unless only the path on the workers differs; without one the hashes stay as they were', () => {
    const plain = world.definition({ network: NETWORK });
    const none = { ...plain, data: { ...plain.data, fileSystems: [] } };
    const hashes = (definition: typeof plain) => [definitionHash(definition), modelHash(definition)];
    expect(hashes(none)).toEqual(hashes(plain));
    expect(hashes(withMount())).not.toEqual(hashes(plain));
    expect(hashes(withMount({ path: '/mnt/elsewhere' }))).toEqual(hashes(withMount()));
    for (const more of [{ directory: '/other' }, { access: 'rw' }, { channel: 'other' }])
      expect(hashes(withMount(more))).not.toEqual(hashes(withMount()));
  });
});
