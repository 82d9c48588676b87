import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { mkdir, rm, readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readMessage } from '../../worker/listener/messages.js';
import { storageSchema } from '../../contracts/storage/index.js';
import { STORAGE_ID, STORAGE_MEMO } from '../../contracts/storage/state.js';
import { clientEnvironment, type ClientEnvironment } from '../client/environment.js';
import { devServerEnvironment } from '../support/dev-server.js';
import { temporaryFolder } from '../support/local.js';
import { awsSettings, withListener } from './queue.js';

let env: TestWorkflowEnvironment;
// There is one declared storage in a namespace.
let own: ClientEnvironment;
const s3 = new S3Client(awsSettings());
const bucket = `mirror-${randomUUID()}`;
beforeAll(async () => {
  [env, own] = [await devServerEnvironment(), await clientEnvironment()];
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
});
afterAll(async () => {
  s3.destroy();
  await own.close();
  await env.teardown();
});

const direct = (eventName: string, key: string) =>
  JSON.stringify({
    Records: [{ eventSource: 'aws:s3', eventName, s3: { bucket: { name: bucket }, object: { key } } }],
  });
const byBus = (type: string, key: string) =>
  JSON.stringify({ source: 'aws.s3', 'detail-type': type, detail: { bucket: { name: bucket }, object: { key } } });

it('reads creations and removals in both shapes', () => {
  const read = (body: string) => {
    const { created, removed } = readMessage(body, 'id') ?? { created: [], removed: [] };
    return [created.map(({ key }) => key), removed.map(({ key }) => key)];
  };
  expect(read(direct('ObjectCreated:Put', 'a+b%2Bc%25'))).toEqual([['a b+c%'], []]);
  expect(read(direct('ObjectRemoved:DeleteMarkerCreated', 'a'))).toEqual([[], ['a']]);
  expect(read(direct('LifecycleExpiration:Delete', 'a'))).toEqual([[], ['a']]);
  expect(read(direct('ObjectTagging:Put', 'a'))).toEqual([[], []]);
  expect(read(byBus('Object Created', 'a+b%25'))).toEqual([['a+b%25'], []]);
  expect(read(byBus('Object Deleted', 'a'))).toEqual([[], ['a']]);
  expect(read(byBus('Object Tags Added', 'a'))).toEqual([[], []]);
});

it('keeps the mount equal by events, whose message stays until that is done, and logs no key', async () => {
  const mount = `${await temporaryFolder()}/mount`;
  const storage = storageSchema.parse({
    storage: { records: { bucket }, mirrors: [{ bucket, prefix: 'data/', path: mount, mountPoint: false }] },
  }).storage;
  // The entity as readers see it: nobody needs to have run it.
  const entity = await own.client.workflow.start('storage', {
    workflowId: STORAGE_ID,
    taskQueue: `nobody-${randomUUID()}`,
    memo: { [STORAGE_MEMO]: storage },
    args: [{ storage }],
  });
  const lines: string[] = [];
  const files = () => readdir(mount).then((names) => names.filter((name) => name !== '.perennial'));
  try {
    await withListener(
      { nativeConnection: env.nativeConnection, namespace: own.env['TEMPORAL_NAMESPACE'] },
      async ({ send, left }) => {
        await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'data/jane doe', Body: 'x' }));
        await send(direct('ObjectCreated:Put', 'data/jane+doe'));
        await expect
          .poll(() => lines.some((line) => line.includes('nothing is mounted at')), { timeout: 10_000 })
          .toBe(true);
        expect(await left()).toBe(1);

        await mkdir(mount);
        await Promise.all([
          send(byBus('Object Created', 'data/jane doe')),
          send(direct('ObjectCreated:Put', 'data/jane+doe')),
          send(direct('ObjectCreated:Put', 'other/jane')),
        ]);
        await expect.poll(files, { timeout: 10_000 }).toEqual(['jane doe']);

        await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'data/jane doe' }));
        await send(direct('LifecycleExpiration:Delete', 'data/jane+doe'));
        await expect.poll(files, { timeout: 10_000 }).toEqual([]);
        // The first message is the queue's own to bring again.
        await expect.poll(left, { timeout: 10_000 }).toBe(1);
      },
      (line) => lines.push(line),
    );
    expect(lines.join('')).not.toMatch(/jane/);
  } finally {
    await entity.terminate();
    await rm(mount, { recursive: true, force: true });
  }
});
