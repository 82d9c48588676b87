import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDataActivities } from '../../activities/data/index.js';
import { createLineageActivities } from '../../activities/lineage/index.js';
import { penOf } from '../../activities/lineage/pen.js';
import { redactFolder } from '../../activities/lineage/records.js';
import type { CheckDataInput } from '../../contracts/activities.js';
import { fileRecordKey, manifestKey, s3Uri } from '../../contracts/names.js';
import { purgedKey } from '../../contracts/purge/lineage.js';
import type { FileRecord } from '../../contracts/records.js';
import { failureOf } from './support/local-sagemaker.js';
import { keepVersions, purgeOf, versionsOf } from './support/purges.js';
import { AWS, World } from './support/world.js';

const ANNA = 'data/x/train/2026-01-02/anna.csv';
const KILLED = 'the worker was killed';

let world: World;
let input: CheckDataInput;
beforeEach(async () => {
  world = await World.make();
  await keepVersions(world.s3, world.bucket);
  await world.putAll(['2026-01-01.csv', '2026-01-02/anna.csv', '2026-01-02/ben.csv']);
  input = world.input();
});
afterEach(() => world.close());

const output = () => input.definition.data.output;
const recordUri = () => s3Uri(world.bucket, fileRecordKey(output(), input.ref.runTime));
const manifest = () => manifestKey(output(), input.ref.runTime, 'train');

/** What happens before a request of a client is sent. */
function client(before: (request: { name: string; Key?: string; Prefix?: string }) => Promise<void> | void): S3Client {
  const s3 = new S3Client(AWS);
  s3.middlewareStack.add((next, { commandName = '' }) => async (args) => {
    await before({ name: commandName, ...(args.input as { Key?: string; Prefix?: string }) });
    return next(args);
  });
  return s3;
}

async function setTombstones(): Promise<void> {
  const { s3, sagemaker, hashes } = world;
  const ledger = () => Promise.reject(new Error('tombstones need no ledger'));
  const lineage = createLineageActivities({ s3, sagemaker, hashes, ledger, declared: async () => [] });
  await world.run(lineage.setTombstones, await purgeOf(world.s3, world.bucket, [{ bucket: world.bucket, key: ANNA }]));
}

async function redact(s3 = world.s3): Promise<void> {
  const hash = purgedKey((await world.hashes()).object(world.bucket, ANNA));
  await redactFolder(s3, penOf(s3), recordUri(), { isTarget: (key) => key === ANNA, inPlaceOf: () => hash });
}

/** A try that dies once its manifests are written, and before it looks for purges that began meanwhile. */
async function killedTry(beforeManifest: () => Promise<void> = async () => undefined): Promise<void> {
  let written = false;
  const s3 = client(async ({ name, Key, Prefix }) => {
    if (name === 'PutObjectCommand' && Key === manifest()) {
      await beforeManifest();
      written = true;
    }
    if (written && Prefix?.startsWith('_perennial/')) throw new Error(KILLED);
  });
  const { checkData } = createDataActivities({ ...world, s3, region: AWS.region });
  await expect(world.run(checkData, input)).rejects.toThrow(KILLED);
  s3.destroy();
}

describe('a second try, where a purge redacts the records of the first', () => {
  const goesOn = async () => {
    const checked = await world.run(world.data.checkData, input);
    expect(checked).toMatchObject({ news: true, fileRecordUri: recordUri() });
    const keys = ((await world.json(recordUri())) as FileRecord).files.map(({ key }) => key);
    const hash = (await world.hashes()).object(world.bucket, ANNA);
    expect(keys.sort()).toEqual(
      ['data/x/train/2026-01-01.csv', 'data/x/train/2026-01-02/ben.csv', purgedKey(hash)].sort(),
    );
    expect(await world.json(checked.manifestUri)).toEqual([
      { prefix: s3Uri(world.bucket, 'data/x/train/') },
      '2026-01-02/ben.csv',
      '2026-01-01.csv',
    ]);
    const left = await versionsOf(world.s3, world.bucket, output());
    expect(left.map(({ text }) => text).join()).not.toContain('anna');
  };

  it('goes on without the key where only the file record lost it: the manifest came after', async () => {
    await killedTry(async () => {
      await setTombstones();
      await redact();
    });
    expect(JSON.stringify(await world.json(s3Uri(world.bucket, manifest())))).toContain('anna');
    await goesOn();
  });

  it('goes on without the key where only the manifests have lost it yet', async () => {
    await killedTry();
    await setTombstones();
    const broken = client(({ name, Key }) => {
      if (name === 'PutObjectCommand' && Key?.endsWith('files.json')) throw new Error(KILLED);
    });
    await expect(redact(broken)).rejects.toThrow(KILLED);
    broken.destroy();
    expect(JSON.stringify(await world.json(s3Uri(world.bucket, manifest())))).not.toContain('anna');
    await goesOn();
  });

  it('waits for a purge without tombstones, which is between the manifests and the file record', async () => {
    await killedTry();
    const slow = client(async ({ name, Key }) => {
      if (name === 'PutObjectCommand' && Key?.endsWith('files.json')) await meanwhile;
    });
    let goOn = () => undefined as void;
    const meanwhile = new Promise<void>((resolve) => (goOn = resolve));
    const racing = client(({ name, Key }) => {
      // The second try has met the manifest that is another.
      if (name === 'GetObjectCommand' && Key === manifest()) goOn();
    });
    const begun = redact(slow);
    await expect.poll(() => world.json(s3Uri(world.bucket, manifest()))).toHaveLength(3);
    const { checkData } = createDataActivities({ ...world, s3: racing, region: AWS.region });
    await world.run(checkData, input);
    await begun;
    expect(JSON.stringify(await world.json(recordUri()))).not.toContain('anna');
    expect(JSON.stringify(await world.json(s3Uri(world.bucket, manifest())))).not.toContain('anna');
    slow.destroy();
    racing.destroy();
  });

  it('still fails where a manifest differs by what nobody purged', async () => {
    await killedTry();
    await setTombstones();
    const Body = JSON.stringify([{ prefix: s3Uri(world.bucket, 'data/x/train/') }, '2026-01-02/anna.csv']);
    await world.s3.send(new PutObjectCommand({ Bucket: world.bucket, Key: manifest(), Body }));
    const failure = await failureOf(world.run(world.data.checkData, input));
    expect(failure.type).toBe('RecordConflict');
    expect(failure.message).toContain(manifest());
  });
});
