import { DeleteObjectsCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { plights } from '../../bench/support/purge/campaign.js';
import { listAll } from '../../bench/support/purge/fill.js';
import { namedIn } from '../../bench/support/purge/s3-call.js';
import { startS3Proxy, type S3Proxy } from '../../bench/support/purge/s3-proxy.js';
import { World, isTarget } from '../../bench/support/purge/world.js';
import { throttled } from '../../bench/support/faults/answers.js';

const common = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
let direct: S3Client;
let through: S3Client;
let proxy: S3Proxy;
let world: World;
let worlds = 0;

beforeAll(async () => {
  proxy = await startS3Proxy(inject('aws').endpoint);
  direct = new S3Client({ ...common, endpoint: inject('aws').endpoint });
  through = new S3Client({ ...common, endpoint: proxy.url, maxAttempts: 1 });
});
afterAll(async () => {
  direct.destroy();
  through.destroy();
  await proxy.close();
});
/** A bucket of its own for each test of a group. */
const withWorld = () =>
  beforeEach(async () => {
    proxy.fault = () => undefined;
    world = await World.make(direct, `purge-proxy-${(worlds += 1)}`);
    proxy.recount();
  });

const targets = async () => (await listAll(direct, world.bucket)).filter(({ key }) => isTarget(key));
const deleteAll = async () =>
  through.send(
    new DeleteObjectsCommand({
      Bucket: world.bucket,
      Delete: {
        Objects: (await targets()).map(({ key, versionId }) => ({ Key: key, VersionId: versionId })),
        Quiet: true,
      },
    }),
  );

describe('the proxy before S3', () => {
  withWorld();

  it('passes on what no fault is for, and counts it', async () => {
    await deleteAll();
    expect(Object.fromEntries(proxy.calls)).toEqual({ DeleteObjects: 1 });
    expect(await world.look()).toEqual({ left: 0, problems: [], listLeft: true });
  });

  it('answers in S3’s place, and S3 sees nothing', async () => {
    proxy.fault = () => ({ answer: throttled('S3') });
    const before = await targets();
    await expect(deleteAll()).rejects.toMatchObject({ name: 'SlowDown' });
    expect(await targets()).toEqual(before);
  });

  it('keeps entries of a bulk delete back, as errors of their own', async () => {
    const kept = (await targets()).slice(0, 3);
    const without = ({ versionId }: { versionId?: string }) => kept.some((one) => one.versionId === versionId);
    proxy.fault = ({ operation }) => (operation === 'DeleteObjects' ? { without, code: 'InternalError' } : undefined);
    const { Errors } = await deleteAll();
    expect(Errors?.map(({ Key, VersionId, Code }) => [Key, VersionId, Code])).toEqual(
      kept.map(({ key, versionId }) => [key, versionId, 'InternalError']),
    );
    expect(await targets()).toEqual(kept);
  });

  it('lies: says nothing of entries that are still there', async () => {
    proxy.fault = ({ operation }) => (operation === 'DeleteObjects' ? { without: () => true } : undefined);
    const before = await targets();
    expect((await deleteAll()).Errors).toBeUndefined();
    expect(await targets()).toEqual(before);
  });

  it('leaves other calls alone', async () => {
    proxy.fault = ({ operation }) => (operation === 'DeleteObjects' ? { without: () => true } : undefined);
    const { Body } = await through.send(new GetObjectCommand({ Bucket: world.bucket, Key: 'people/ann' }));
    expect(await Body?.transformToString()).toBe('people/ann');
  });
});

describe('a look at the bucket', () => {
  withWorld();

  it('finds what became of others', async () => {
    const other = (await listAll(direct, world.bucket)).find(({ key }) => key === 'letters/ann.csv.bak');
    await direct.send(
      new DeleteObjectsCommand({
        Bucket: world.bucket,
        Delete: { Objects: [{ Key: other?.key, VersionId: other?.versionId }] },
      }),
    );
    expect((await world.look()).problems).toEqual(['5 entries of others are 4 or changed']);
  });
});

it('reads the entries of a bulk delete, whatever its keys are', () => {
  const body =
    '<Delete><Object><Key>a&amp;b&#13;&#x2028;</Key><VersionId>null</VersionId></Object><Object><Key>c</Key></Object></Delete>';
  expect(namedIn(Buffer.from(body)).map(({ key, versionId }) => [key, versionId])).toEqual([
    ['a&b\r\u2028', 'null'],
    ['c', undefined],
  ]);
});

describe('the campaign', () => {
  const call = (service: string, operation: string) => ({
    service,
    operation,
    resource: '',
    key: `${service}.${operation}`,
    nth: 1,
  });

  it('kills before and after each call but those on a clock of their own', () => {
    const names = plights([call('S3', 'DeleteObjects'), call('SQS', 'ReceiveMessage'), call('PostgreSQL', 'Connect')])
      .map(({ name }) => name)
      .filter((name) => name.startsWith('killed'));
    expect(names).toEqual([
      'killed: S3.DeleteObjects #1, dropped before',
      'killed: S3.DeleteObjects #1, dropped after',
    ]);
  });
});
