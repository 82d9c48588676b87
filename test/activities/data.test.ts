import { DeleteObjectCommand, HeadObjectCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileRecordKey, manifestKey, parseS3Uri } from '../../contracts/names.js';
import type { FileRecord } from '../../contracts/records.js';
import { World } from './support/world.js';

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world.close());

const day = (date: number) => `2026-01-${String(date).padStart(2, '0')}`;
const remove = (name: string) =>
  world.s3.send(new DeleteObjectCommand({ Bucket: world.bucket, Key: `data/x/train/${name}` }));

describe('what a first run finds', () => {
  it('trains on everything without a watermark, and writes a manifest and a file record', async () => {
    await world.putAll([`${day(1)}.csv`, `${day(2)}/part-1.csv`, `${day(2)}/part-2.csv`, 'manifest']);
    const result = await world.check();
    expect(result).toMatchObject({ news: true, files: 3, added: 3, oldestDate: day(1), newestDate: day(2) });
    expect(result.reasons[0]).toMatch(/^first run: SSM parameter \/models\/.* does not exist/);
    expect(await world.json(result.manifestUri)).toEqual([
      { prefix: `s3://${world.bucket}/data/x/train/` },
      `${day(2)}/part-1.csv`,
      `${day(2)}/part-2.csv`,
      `${day(1)}.csv`,
    ]);
    expect(await world.json(result.fileRecordUri)).toMatchObject({
      version: 1,
      bucket: world.bucket,
      asOf: day(10),
      dataHash: result.dataHash,
      files: [
        { channel: 'train', key: `data/x/train/${day(1)}.csv`, date: day(1), size: 9 },
        { key: `data/x/train/${day(2)}/part-1.csv` },
        { key: `data/x/train/${day(2)}/part-2.csv` },
      ],
    });
  });

  it('looks at the as-of date and the days before it that the window names', async () => {
    await world.putAll([7, 8, 9, 10, 11].map((date) => `${day(date)}.csv`));
    const result = await world.check({ definition: world.definition({ data: { window: 'P2D' } }), asOf: day(9) });
    expect(result).toMatchObject({ files: 2, oldestDate: day(8), newestDate: day(9) });
  });

  it('leaves out dates that are none, other names and folder markers', async () => {
    await world.putAll([`${day(1)}.csv`, '2015-02-30.csv', '2015-02-03.txt', 'archive/2015-02-03.csv', '0001.csv']);
    await world.put(`${day(2)}/`, '');
    await world.put(`${day(3)}.csv`, '');
    const result = await world.check();
    expect(result.files).toBe(1);
    expect(result.reasons.at(-1)).toMatch(/^3 objects under s3:\/\/.*\/data\/x\/train\/ ignored/);
  });

  it('keeps odd characters of keys', async () => {
    const names = ['a b+c é%20.csv', '日本.csv', 'x&<>"\'.csv', '\u0001.csv', '++.csv', '%2B.csv', '  .csv'];
    await world.putAll(names.map((name) => `${day(1)}/${name}`));
    const result = await world.check();
    expect(result.files).toBe(names.length);
    const [, ...relative] = (await world.json(result.manifestUri)) as string[];
    expect(relative.sort()).toEqual(names.map((name) => `${day(1)}/${name}`).sort());
  });

  it('reads every page, and no page outside the window', async () => {
    const parts = (date: number, count: number) => Array.from({ length: count }, (_, i) => `${day(date)}/${i}.csv`);
    await world.putAll([...parts(1, 300), ...parts(2, 1_050), ...parts(3, 1_000)]);
    let pages = 0;
    world.s3.middlewareStack.add(
      (next, context) => (args) => {
        if (context.commandName === 'ListObjectVersionsCommand') pages += 1;
        return next(args);
      },
      { step: 'initialize' },
    );
    const result = await world.check({ definition: world.definition({ data: { window: 'P1D' } }), asOf: day(2) });
    expect(result).toMatchObject({ files: 1_050, oldestDate: day(2), newestDate: day(2) });
    expect(pages).toBe(2);
  });

  it('reads the current versions of a versioned bucket', async () => {
    await world.s3.send(
      new PutBucketVersioningCommand({ Bucket: world.bucket, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    await world.putAll([`${day(1)}.csv`, `${day(2)}.csv`]);
    await world.put(`${day(1)}.csv`, 'once more\n');
    await remove(`${day(2)}.csv`);
    const result = await world.check();
    expect(result).toMatchObject({ files: 1, bytes: 10 });
    const current = new HeadObjectCommand({ Bucket: world.bucket, Key: `data/x/train/${day(1)}.csv` });
    const { ETag, VersionId } = await world.s3.send(current);
    const record = (await world.json(result.fileRecordUri)) as FileRecord;
    expect(record.files).toEqual([expect.objectContaining({ etag: ETag, versionId: VersionId, size: 10 })]);
  });

  it('counts the current version of an object alone, on whichever page of the listing its old ones stand', async () => {
    await world.s3.send(
      new PutBucketVersioningCommand({ Bucket: world.bucket, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    const names = Array.from({ length: 700 }, (_, i) => `${day(1)}/${i}.csv`);
    await world.putAll(names);
    await world.putAll(names);
    expect(
      await world.check({ definition: world.definition({ data: { window: 'P1D' } }), asOf: day(1) }),
    ).toMatchObject({ files: 700 });
  });

  it('gives every channel its manifest', async () => {
    await world.putAll([`${day(1)}.csv`, `${day(2)}.csv`]);
    await world.put(`data/x/validation/${day(2)}.csv`);
    const definition = world.definition({ data: { channels: ['validation'] } });
    const result = await world.check({ definition });
    expect(result).toMatchObject({
      files: 3,
      channels: [
        { name: 'train', files: 2 },
        { name: 'validation', files: 1 },
      ],
    });
    expect(await world.json(result.channels[1]?.manifestUri)).toEqual([
      { prefix: `s3://${world.bucket}/data/x/validation/` },
      `${day(2)}.csv`,
    ]);
  });

  it('refuses to train when a channel is empty', async () => {
    await world.put(`${day(1)}.csv`);
    const definition = world.definition({ data: { channels: ['validation'] } });
    await expect(world.check({ definition })).rejects.toMatchObject({
      type: 'DataInvalid',
      nonRetryable: true,
      message: expect.stringContaining('/data/x/validation/ up to 2026-01-10'),
    });
  });

  it('asks for the definition’s key on what it writes', async () => {
    await world.put(`${day(1)}.csv`);
    const key = '12345678-1234-1234-1234-123456789012';
    const result = await world.check({ definition: world.definition({ encryption: { key } }) });
    for (const uri of [result.manifestUri, result.fileRecordUri]) {
      const { bucket: Bucket, key: Key } = parseS3Uri(uri ?? '');
      const head = await world.s3.send(new HeadObjectCommand({ Bucket, Key }));
      expect(head.ServerSideEncryption).toBe('aws:kms');
      expect(head.SSEKMSKeyId).toContain(key);
    }
  });
});

describe('where there is nothing', () => {
  it('has no news in an empty bucket', async () => {
    const result = await world.check({ definition: world.definition({ data: { window: 'P2D' } }) });
    expect(result).toMatchObject({ news: false, files: 0, channels: [] });
    expect(result.reasons).toEqual([
      `no dated objects under s3://${world.bucket}/data/x/train/ between ${day(9)} and ${day(10)}`,
    ]);
    expect(result.fileRecordUri).toBeUndefined();
  });

  it('cannot be forced to train on nothing', async () => {
    await expect(world.check({ force: true })).rejects.toMatchObject({ type: 'DataInvalid' });
  });

  it('names a bucket that is missing', async () => {
    const definition = world.definition({ data: { bucket: 'perennial-no-such-bucket' } });
    await expect(world.check({ definition })).rejects.toMatchObject({
      type: 'ResourceMissing',
      message: expect.stringContaining('s3://perennial-no-such-bucket/'),
    });
  });

  it('refuses an as-of date that is none', async () => {
    await expect(world.check({ asOf: '2026-02-30' })).rejects.toMatchObject({ type: 'InvalidRequest' });
  });
});

describe('a repeated activity', () => {
  it('answers the same after its answer was lost', async () => {
    await world.putAll([`${day(1)}.csv`, `${day(2)}.csv`]);
    const input = world.input();
    const first = await world.run(world.data.checkData, input);
    expect(await world.run(world.data.checkData, input)).toEqual(first);
  });

  it('keeps to the files of its record when others have come meanwhile', async () => {
    await world.put(`${day(1)}.csv`);
    const input = world.input();
    const first = await world.run(world.data.checkData, input);
    await world.put(`${day(2)}.csv`);
    expect(await world.run(world.data.checkData, input)).toEqual(first);
  });

  it('finishes what an earlier try began', async () => {
    await world.put(`${day(1)}.csv`);
    const input = world.input();
    const first = await world.run(world.data.checkData, input);
    const { bucket: Bucket, key: Key } = parseS3Uri(first.manifestUri ?? '');
    await world.s3.send(new DeleteObjectCommand({ Bucket, Key }));
    await world.run(world.data.checkData, input);
    expect(await world.json(first.manifestUri)).toHaveLength(2);
  });

  it.each([
    ['file record', fileRecordKey, '{"version":1,"run":"retrain/other/2026-01-01T00:00:00.000Z"}'],
    ['manifest', (output: string, time: string) => manifestKey(output, time, 'train'), '[]'],
  ])('never overwrites another %s', async (_what, key, body) => {
    await world.put(`${day(1)}.csv`);
    const input = world.input({ definition: world.definition({ data: { output: 'data/records/' } }) });
    await world.put(key('data/records/', input.ref.runTime), body);
    await expect(world.run(world.data.checkData, input)).rejects.toMatchObject({
      type: 'RecordConflict',
      nonRetryable: true,
    });
  });
});

describe('confirmFiles', () => {
  it('counts what changed or vanished, and not what came', async () => {
    await world.putAll([1, 2, 3, 4].map((date) => `${day(date)}.csv`));
    const input = world.input();
    const { fileRecordUri = '' } = await world.run(world.data.checkData, input);
    const confirm = () => world.run(world.data.confirmFiles, { ...input, fileRecordUri });
    expect(await confirm()).toEqual({ changed: 0, removed: 0 });
    await world.put(`${day(1)}.csv`);
    await world.put(`${day(2)}.csv`, 'other,row\n');
    await world.put(`${day(5)}.csv`);
    await remove(`${day(3)}.csv`);
    expect(await confirm()).toEqual({ changed: 1, removed: 1 });
  });

  it('says so when the record is gone', async () => {
    const input = { ...world.input(), fileRecordUri: `s3://${world.bucket}/models/gone/files.json` };
    await expect(world.run(world.data.confirmFiles, input)).rejects.toMatchObject({ type: 'ResourceMissing' });
  });
});

it('keeps keys of data out of answers and failures', async () => {
  await world.putAll([`${day(1)}/jane-doe.csv`, 'x-jane-doe.csv']);
  const definition = world.definition({ data: { channels: ['validation'] } });
  const refused = await world.check({ definition }).catch((error: unknown) => error);
  expect(JSON.stringify([await world.check(), String(refused)])).not.toContain('jane');
});
