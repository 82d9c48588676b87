import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDataActivities } from '../../activities/data/index.js';
import { fail } from '../../activities/errors.js';
import { hashesWith } from '../../activities/keyed-hashes.js';
import { createLineageActivities } from '../../activities/lineage/index.js';
import type { LineageActivities } from '../../contracts/purge/lineage.js';
import type { FileRecord } from '../../contracts/records.js';
import { failureOf } from './support/local-sagemaker.js';
import { keepVersions, purgeOf, versionsOf } from './support/purges.js';
import { AWS, World } from './support/world.js';

let world: World;
let activities: LineageActivities;
beforeEach(async () => {
  world = await World.make();
  activities = createLineageActivities({
    s3: world.s3,
    sagemaker: world.sagemaker,
    hashes: world.hashes,
    ledger: () => Promise.reject(new Error('tombstones need no ledger')),
    declared: async () => [],
  });
  await world.putAll(['2026-01-01.csv', '2026-01-02/anna.csv', '2026-01-02/ben.csv', '2026-01-03.csv']);
});
afterEach(() => world.close());

const ANNA = 'data/x/train/2026-01-02/anna.csv';
const target = (key: string) => ({ bucket: world.bucket, key });
const purge = (targets: Parameters<typeof purgeOf>[2], request?: string) =>
  purgeOf(world.s3, world.bucket, targets, { ...(request !== undefined && { request }) });
const keysOf = async (uri: string | undefined) => ((await world.json(uri)) as FileRecord).files.map(({ key }) => key);
const stones = (request = 'request-1') => versionsOf(world.s3, world.bucket, `_perennial/tombstones/${request}/`);

describe('what is being purged', () => {
  it('is in no file record and no manifest, and the run says how many objects are left out', async () => {
    const work = await purge([target(ANNA)]);
    expect(await world.run(activities.setTombstones, work)).toEqual({ objects: 1, prefixes: 0 });
    const checked = await world.check();
    expect(checked).toMatchObject({ news: true, files: 3 });
    expect(checked.reasons).toContain('1 object left out: purged (request request-1)');
    expect(await keysOf(checked.fileRecordUri)).not.toContain(ANNA);
    expect(JSON.stringify(await world.json(checked.manifestUri))).not.toContain('anna');
  });

  it('is known by hashes alone, be it twice', async () => {
    const work = await purge([target(ANNA)]);
    await world.run(activities.setTombstones, work);
    await world.run(activities.setTombstones, work);
    const [list, ...others] = await stones();
    expect(others).toEqual([]);
    expect(list?.text).not.toContain('anna');
    expect(list?.text.split('\n')[1]).toBe((await world.hashes()).object(world.bucket, ANNA));
  });

  it('stays out when it is uploaded again, until it is lifted, and is out once more when it is purged once more', async () => {
    await world.run(activities.setTombstones, await purge([target(ANNA)]));
    await world.s3.send(new DeleteObjectCommand({ Bucket: world.bucket, Key: ANNA }));
    expect(await world.check()).toMatchObject({ files: 3 });
    await world.put(ANNA, 'new,row\n');
    expect(await world.check()).toMatchObject({ files: 3 });
    const lift = await purge([target(ANNA), target('data/x/train/2026-01-03.csv')]);
    expect(await world.run(activities.liftTombstones, lift)).toEqual({ lifted: 1 });
    // A retry whose answer was lost counts the same.
    expect(await world.run(activities.liftTombstones, lift)).toEqual({ lifted: 1 });
    expect(await world.check()).toMatchObject({ files: 4 });
    await world.run(activities.setTombstones, await purge([target(ANNA)], 'request-2'));
    const again = await world.check();
    expect(again).toMatchObject({ files: 3 });
    expect(again.reasons).toContain('1 object left out: purged (request request-2)');
  });

  it('makes a run fail that cannot know what is meant: the hashes are refused, or of another key', async () => {
    await world.run(activities.setTombstones, await purge([target(ANNA)]));
    const denied = fail('AccessDenied', '/perennial/purge/hmac-key in SSM: Allow ssm:GetParameter');
    const closed = createDataActivities({ ...world, region: AWS.region, hashes: () => Promise.reject(denied) });
    expect((await failureOf(world.run(closed.checkData, world.input()))).type).toBe('AccessDenied');
    const other = hashesWith(randomBytes(32));
    const blind = createDataActivities({ ...world, region: AWS.region, hashes: async () => other });
    const failure = await failureOf(world.run(blind.checkData, world.input()));
    expect(failure.type).toBe('DataInvalid');
    expect(failure.message).toMatch(/restore the parameter's former value/);
  });

  it('under a prefix is known in plain while the purge runs, and by the hashes of what was erased from then on', async () => {
    const work = await purge([{ bucket: world.bucket, prefix: 'data/x/train/2026-01-02/' }]);
    expect(await world.run(activities.setTombstones, work)).toEqual({ objects: 0, prefixes: 1 });
    expect(await world.check()).toMatchObject({ files: 2 });
    const hash = (await world.hashes()).object(world.bucket, ANNA);
    const Key = `_perennial/tombstones/request-1/${work.ref.execution}-1.txt`;
    await world.s3.send(new PutObjectCommand({ Bucket: world.bucket, Key, Body: `${hash}\n` }));
    await world.run(activities.settleTombstones, work);
    await world.run(activities.settleTombstones, work);
    expect((await stones()).map(({ text }) => text).join()).not.toContain('data/x');
    const checked = await world.check();
    expect(checked).toMatchObject({ files: 3 });
    expect(await keysOf(checked.fileRecordUri)).not.toContain(ANNA);
  });

  it('counts in the reason of a run that finds nothing else', async () => {
    await world.run(activities.setTombstones, await purge([{ bucket: world.bucket, prefix: 'data/x/' }]));
    const { news, reasons } = await world.check();
    expect(news).toBe(false);
    expect(reasons[0]).toMatch(/^no dated objects under .*; 4 objects left out: purged \(request request-1\)$/);
  });

  it('is taken out of the records of a run that had listed it before and writes them after', async () => {
    await keepVersions(world.s3, world.bucket);
    const work = await purge([target(ANNA)]);
    const s3 = new S3Client(AWS);
    let begun = false;
    s3.middlewareStack.add((next) => async (args) => {
      if (!begun && (args.input as { Key?: string }).Key?.endsWith('files.json')) {
        begun = true;
        await world.run(activities.setTombstones, work);
      }
      return next(args);
    });
    const { checkData } = createDataActivities({ ...world, s3, region: AWS.region });
    const { fileRecordUri, manifestUri } = await world.run(checkData, world.input());
    const hash = (await world.hashes()).object(world.bucket, ANNA);
    expect(await keysOf(fileRecordUri)).toContain(`purged:${hash}`);
    expect(await world.json(manifestUri)).toHaveLength(4);
    const left = await versionsOf(world.s3, world.bucket, 'models/');
    expect(left.map(({ text }) => text).join()).not.toContain('anna');
    s3.destroy();
  });

  it('is left out of the confirmation of a run that looked before', async () => {
    const input = world.input();
    const { fileRecordUri = '' } = await world.run(world.data.checkData, input);
    await world.run(activities.setTombstones, await purge([target(ANNA)]));
    expect(await world.run(world.data.confirmFiles, { ...input, fileRecordUri })).toEqual({ changed: 0, removed: 1 });
  });
});

it('refuses to lift a prefix, and says why', async () => {
  const lift = await purge([{ bucket: world.bucket, prefix: 'data/x/' }]);
  const failure = await failureOf(world.run(activities.liftTombstones, lift));
  expect(failure.type).toBe('InvalidRequest');
  expect(failure.message).toMatch(/names a prefix: tombstones are lifted key by key/);
});

it('asks twice where nothing was ever purged: before it looks, and after it has written', async () => {
  const s3 = new S3Client(AWS);
  const asked: unknown[] = [];
  s3.middlewareStack.add((next) => (args) => {
    if ((args.input as { Prefix?: string }).Prefix?.startsWith('_perennial/')) asked.push(args.input);
    return next(args);
  });
  const { checkData } = createDataActivities({ ...world, s3, region: AWS.region });
  await world.run(checkData, world.input());
  expect(asked).toHaveLength(2);
  s3.destroy();
});
