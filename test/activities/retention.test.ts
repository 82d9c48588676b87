import { randomUUID } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { hashesWith } from '../../activities/keyed-hashes.js';
import { createRetentionActivities } from '../../activities/retention/index.js';
import type { DefinitionInput } from '../../contracts/definition/index.js';
import { parseS3Uri } from '../../contracts/names.js';
import type { RetentionWork } from '../../contracts/retention.js';
import { storageSchema, type StorageInput } from '../../contracts/storage/index.js';
import { failureOf } from './support/local-sagemaker.js';
import { World } from './support/world.js';

let world: World;
const worlds: World[] = [];
const hashes = hashesWith(Buffer.alloc(32, 5));

beforeEach(async () => {
  world = await World.make();
  worlds.push(world);
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  await world.s3.send(new PutBucketVersioningCommand({ Bucket: world.bucket, VersioningConfiguration }));
});
afterAll(() => worlds.forEach((one) => one.close()));

const activities = () => createRetentionActivities({ s3: world.s3, hashes: () => Promise.resolve(hashes) });
type Retention = DefinitionInput['data']['retention'];

function work(
  date: string,
  retention: Retention = 'P1Y',
  storage: Partial<StorageInput['storage']> = {},
  channels: string[] = [],
): RetentionWork {
  return {
    ref: { model: world.model, date, execution: 'execution' },
    definition: world.definition({ data: { retention, window: 'P6M', channels } }),
    storage: storageSchema.parse({ storage: { records: { bucket: world.bucket }, ...storage } }).storage,
  };
}

const due = (input: RetentionWork, dryRun = false) => world.run(activities().findDue, { ...input, dryRun });

async function text(uri: string): Promise<string> {
  const { bucket, key } = parseS3Uri(uri);
  const { Body } = await world.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return (await Body?.transformToString()) ?? '';
}

/** The keys of a list of targets, in order. */
async function listed(uri: string | undefined): Promise<string[]> {
  const lines = (await text(uri ?? '')).trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as { key: string }).key).sort();
}

/** Keys that are kept in any version, by prefix. */
async function keys(Prefix: string): Promise<string[]> {
  const { Versions = [], DeleteMarkers = [] } = await world.s3.send(
    new ListObjectVersionsCommand({ Bucket: world.bucket, Prefix }),
  );
  return [...new Set([...Versions, ...DeleteMarkers].map(({ Key = '' }) => Key))].sort();
}

/** What a purge of the list leaves: nothing. */
async function purge(uri: string | undefined): Promise<void> {
  for (const Key of [...(await listed(uri)), parseS3Uri(uri ?? '').key]) {
    const { Versions = [] } = await world.s3.send(new ListObjectVersionsCommand({ Bucket: world.bucket, Prefix: Key }));
    for (const { VersionId } of Versions.filter((version) => version.Key === Key))
      await world.s3.send(new DeleteObjectCommand({ Bucket: world.bucket, Key, VersionId }));
  }
}

describe('by age', () => {
  it('takes dated objects of every channel from before the first day that is kept', async () => {
    await world.putAll(['2025-01-31.csv', '2025-02-28.csv', '2025-03-01.csv', '2025-01-01/a/b.csv', '2026-02-28.csv']);
    await world.putAll([
      'notes.csv',
      '2024-13-01.csv',
      '2024-01-01',
      'data/x/test/2024-12-31.csv',
      'data/x/testing/2024-12-31.csv',
    ]);
    const found = await due(work('2026-02-28', 'P1Y', {}, ['test']));
    expect(found).toMatchObject({ steps: { age: { objects: 3, bytes: 27, owners: 0 } }, warnings: [] });
    expect(await listed(found.steps.age?.targetsUri)).toEqual([
      'data/x/test/2024-12-31.csv',
      'data/x/train/2025-01-01/a/b.csv',
      'data/x/train/2025-01-31.csv',
    ]);
  });

  it('takes what was deleted and still has old versions', async () => {
    await world.put('2024-01-01.csv');
    await world.s3.send(new DeleteObjectCommand({ Bucket: world.bucket, Key: 'data/x/train/2024-01-01.csv' }));
    expect((await due(work('2026-01-01'))).steps.age).toMatchObject({ objects: 1, bytes: 9 });
  });

  it('writes nothing in a dry run, and no list where nothing is due', async () => {
    await world.putAll(['2024-01-01.csv', '2025-12-31.csv']);
    expect((await due(work('2026-01-01'), true)).steps).toEqual({ age: { objects: 1, bytes: 9, owners: 0 } });
    expect((await due(work('2024-06-01'))).steps).toEqual({});
    expect(await keys('_perennial/')).toEqual([]);
  });

  it('refuses a model that keeps its data for ever', async () => {
    const input = work('2026-01-01');
    const definition = world.definition();
    expect((await failureOf(due({ ...input, definition }))).type).toBe('DefinitionInvalid');
  });
});

describe('by dormancy', () => {
  let dormancy: { owners: string; keys: string; after: string; apart: string; grace: string };
  const owners = async (lines: string) => {
    const key = `owners/${randomUUID()}.csv`;
    await world.s3.send(new PutObjectCommand({ Bucket: world.bucket, Key: key, Body: lines }));
    dormancy = { ...dormancy, owners: `s3://${world.bucket}/${key}` };
  };
  beforeEach(() => {
    dormancy = { owners: '', keys: '*/{owner}.csv', after: 'P1Y', apart: 'dormant/x/', grace: 'P90D' };
  });
  const on = (date: string) => work(date, { dormancy });

  it('sets apart, purges after the second period, and leaves everybody else alone', async () => {
    await world.putAll(['a/anna.csv', 'b/anna.csv', 'a/bob.csv', 'a/cid.csv', 'anna.csv', 'a/anna.csv.bak']);
    await owners('owner,last\nanna,2025-01-01\nbob,2025-06-01T10:00:00Z\nanna,2024-01-01\nbob,2020-01-01\n');
    const first = await due(on('2026-01-01'));
    expect(first.steps).toMatchObject({ apart: { objects: 2, bytes: 18, owners: 1 } });
    const { targetsUri = '' } = first.steps.apart ?? {};
    expect(await listed(targetsUri)).toEqual(['data/x/train/a/anna.csv', 'data/x/train/b/anna.csv']);
    for (let time = 0; time < 2; time++)
      expect(await world.run(activities().setApart, { ...on('2026-01-01'), targetsUri })).toEqual({
        copied: 2,
        bytes: 18,
      });
    expect(await keys('dormant/x/')).toEqual(['dormant/x/a/anna.csv', 'dormant/x/b/anna.csv']);
    await purge(targetsUri);
    expect((await due(on('2026-03-31'))).steps).toEqual({});

    const last = await due(on('2026-04-01'));
    expect(last.steps).toMatchObject({ grace: { objects: 2, owners: 1 } });
    await purge(last.steps.grace?.targetsUri);
    expect(await world.run(activities().settleDormancy, { ...on('2026-04-01'), lists: [] })).toEqual({ apart: 0 });
    expect(await keys('dormant/')).toEqual([]);
    expect(await keys('data/')).toHaveLength(4);
    expect(await text(`s3://${world.bucket}/_perennial/dormancy/${world.model}.json`)).not.toContain('anna');
  });

  it('brings back what belongs to an owner who is active again, but over no newer upload', async () => {
    await world.putAll(['a/anna.csv', 'b/anna.csv']);
    await owners('anna,2025-01-01\n');
    const apart = await due(on('2026-01-01'));
    const { targetsUri = '' } = apart.steps.apart ?? {};
    await world.run(activities().setApart, { ...on('2026-01-01'), targetsUri });
    await purge(targetsUri);
    await world.put('b/anna.csv', 'newer\n');

    await owners('anna,2026-02-01\n');
    const back = await due(on('2026-06-01'));
    expect(back.steps).toMatchObject({ return: { objects: 2, owners: 1 } });
    expect(back.steps.grace).toBeUndefined();
    const { originsUri = '' } = back.steps.return ?? {};
    const again = { ...on('2026-06-01'), originsUri };
    expect(await world.run(activities().bringBack, again)).toEqual({ copied: 1, kept: 1 });
    expect(await world.run(activities().bringBack, again)).toEqual({ copied: 0, kept: 2 });
    expect(await text(`s3://${world.bucket}/data/x/train/a/anna.csv`)).toBe('some,row\n');
    expect(await text(`s3://${world.bucket}/data/x/train/b/anna.csv`)).toBe('newer\n');
    expect(await listed(back.steps.return?.targetsUri)).toEqual(['dormant/x/a/anna.csv', 'dormant/x/b/anna.csv']);
    await purge(back.steps.return?.targetsUri);
    const settled = { ...on('2026-06-01'), lists: [originsUri] };
    for (let time = 0; time < 2; time++)
      expect(await world.run(activities().settleDormancy, settled)).toEqual({ apart: 0 });
    expect(await keys('_perennial/targets/')).toEqual([]);
  });

  it('keeps encryption, metadata and tags of what it sets apart', async () => {
    const Key = 'data/x/train/a/anna b+ü.csv';
    await world.s3.send(
      new PutObjectCommand({
        Bucket: world.bucket,
        Key,
        Body: 'x',
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: 'alias/own',
        Metadata: { source: 'app' },
        Tagging: 'k=v',
      }),
    );
    await owners('anna b+ü,2025-01-01\n');
    const { steps } = await due(on('2026-01-01'));
    await world.run(activities().setApart, { ...on('2026-01-01'), targetsUri: steps.apart?.targetsUri ?? '' });
    const copy = { Bucket: world.bucket, Key: 'dormant/x/a/anna b+ü.csv' };
    const [from, to] = await Promise.all([
      world.s3.send(new HeadObjectCommand({ Bucket: world.bucket, Key })),
      world.s3.send(new HeadObjectCommand(copy)),
    ]);
    for (const field of ['ServerSideEncryption', 'SSEKMSKeyId', 'Metadata', 'ContentLength'] as const)
      expect(to[field]).toEqual(from[field]);
    expect(to.ServerSideEncryption).toBe('aws:kms');
    expect((await world.s3.send(new GetObjectTaggingCommand(copy))).TagSet).toEqual([{ Key: 'k', Value: 'v' }]);
  });

  it('leaves what nobody in the list owns, and says so', async () => {
    await world.putAll(['a/anna.csv']);
    await owners('anna,2025-01-01\n');
    const first = await due(on('2026-01-01'));
    await world.run(activities().setApart, { ...on('2026-01-01'), targetsUri: first.steps.apart?.targetsUri ?? '' });
    await purge(first.steps.apart?.targetsUri);
    await world.s3.send(new PutObjectCommand({ Bucket: world.bucket, Key: 'dormant/x/a/stranger.csv', Body: 'x' }));
    await owners('bob,2025-01-01\n');
    const found = await due(on('2027-01-01'));
    expect(found.steps).toEqual({});
    expect(found.warnings).toEqual([
      expect.stringContaining('1 objects are set apart'),
      expect.stringContaining('1 objects under'),
    ]);
    expect(JSON.stringify(found)).not.toMatch(/anna|stranger/);
  });

  it('refuses a list it can not read without a doubt, and names the line alone', async () => {
    await owners('owner,last\nanna,yesterday\n');
    const failure = await failureOf(due(on('2026-01-01')));
    expect(failure).toMatchObject({ type: 'DataInvalid', message: expect.stringContaining('line 2') as string });
    expect(`${failure.message} ${failure.stack}`).not.toContain('anna');
    await owners('anna,"2025-01-01\n');
    expect((await failureOf(due(on('2026-01-01')))).type).toBe('DataInvalid');
    dormancy = { ...dormancy, owners: `s3://${world.bucket}/none.csv` };
    expect((await failureOf(due(on('2026-01-01')))).type).toBe('ResourceMissing');
  });

  it('refuses a restricted prefix that is mirrored or copied', async () => {
    await owners('anna,2025-01-01\n');
    const mirrors = [{ bucket: world.bucket, path: '/mnt/all' }];
    expect((await failureOf(due(work('2026-01-01', { dormancy }, { mirrors })))).message).toContain('/mnt/all');
    const copies = [{ bucket: world.bucket, prefix: 'dormant/', toBucket: 'elsewhere' }];
    expect((await failureOf(due(work('2026-01-01', { dormancy }, { copies })))).message).toContain('s3://elsewhere');
  });
});
