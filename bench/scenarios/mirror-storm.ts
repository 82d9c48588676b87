import { randomUUID } from 'node:crypto';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { NativeConnection } from '@temporalio/worker';
import pLimit from 'p-limit';
import { pino } from 'pino';
import { hashesWith } from '../../activities/keyed-hashes.js';
import { createMirroring } from '../../activities/mounts/mirror.js';
import { STORAGE_ID, STORAGE_MEMO } from '../../contracts/storage/state.js';
import { startListener } from '../../worker/listener/index.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';
import { percentile, round } from '../support/figures.js';
import { contentOf, contentUnder, differences, newBucket, storageOf, withFolder } from '../support/mounts.js';
import { allDealtWith, message, Sender, type EventQueue } from '../support/mounts-events.js';
import { withClient, withStack } from '../support/stack.js';

const EVENTS = 10_000;
const KEYS = 600;
/** Changes of objects that the events tell of; each event is sent twice or more. */
const CHANGES = 4_000;
const SINGLE = 100;
const SINGLE_EVERY_MS = 100;
const LIMIT_P95_MS = 5_000;

export const mirrorStorm: Scenario = {
  name: 'mirror-storm',
  what: `files that differ from the bucket after ${EVENTS} events of ${CHANGES} changes, doubled, shuffled, in both shapes, read by two listeners; and from event to mount`,
  unit: 'files',
  limit: 0,
  bound: 'at most',
  measure: (context) => withStack(context, (stack) => measure(context, stack), ['aws', 'temporal']),
};

interface Setting extends EventQueue {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly mount: string;
}

async function measure(
  { say, signal }: BenchContext,
  stack: Parameters<Parameters<typeof withStack>[1]>[0],
): Promise<Measured> {
  const aws = {
    region: 'us-east-1',
    endpoint: stack.urls.aws,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const [s3, sqs, bucket] = [new S3Client(aws), new SQSClient(aws), newBucket()];
  const connection = await NativeConnection.connect({ address: stack.urls.temporal });
  try {
    return await withFolder(async (mount) => {
      await s3.send(new CreateBucketCommand({ Bucket: bucket }));
      const VersioningConfiguration = { Status: 'Enabled' as const };
      await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
      const { QueueUrl: queueUrl = '' } = await sqs.send(
        new CreateQueueCommand({ QueueName: `mirror-${randomUUID()}`, Attributes: { VisibilityTimeout: '300' } }),
      );
      const storage = storageOf(bucket, mount);
      // Readers see the declared storage in the memo of its entity.
      await withClient(stack, (client) =>
        client.workflow.start('storage', {
          workflowId: STORAGE_ID,
          taskQueue: 'nobody',
          args: [{ storage }],
          memo: { [STORAGE_MEMO]: storage },
        }),
      );
      const setting = { s3, sqs, queueUrl, bucket, mount };
      const log = pino({ level: 'silent' });
      // Two workers: what one has begun, the other may overtake.
      const listeners = [0, 1].map(() =>
        startListener({
          mirroring: createMirroring({ s3, hashes: async () => hashesWith(Buffer.alloc(32)) }),
          sqs,
          queueUrl,
          connection,
          namespace: 'default',
          log,
        }),
      );
      try {
        return await storm(setting, say, signal);
      } finally {
        await Promise.all(listeners.map((listener) => listener.stop()));
      }
    });
  } finally {
    await connection.close();
    s3.destroy();
    sqs.destroy();
  }
}

async function storm(setting: Setting, say: BenchContext['say'], signal: AbortSignal): Promise<Measured> {
  const { s3, bucket, mount } = setting;
  say(`${SINGLE} objects, one every ${SINGLE_EVERY_MS} ms …`);
  const latencies = await singles(setting, signal);
  const p95 = percentile(latencies, 0.95);
  say(`p95 from event to mount ${round(p95, 0)} ms; ${EVENTS} events …`);
  const began = Date.now();
  const events = await changes(setting);
  await deleteOldVersions(setting);
  await allDealtWith(setting, signal);
  const seconds = (Date.now() - began) / 1_000;
  const [objects, files] = [await contentOf(s3, bucket), await contentUnder(mount)];
  const figure = differences(objects, files);
  return {
    figure,
    ok: figure === 0 && objects.size > 0 && events === EVENTS && p95 < LIMIT_P95_MS && latencies.length === SINGLE,
    detail: {
      events,
      changes: CHANGES,
      objects: objects.size,
      files: files.size,
      seconds: round(seconds, 1),
      eventsASecond: round(events / seconds, 0),
      eventToMountMs: {
        p50: round(percentile(latencies, 0.5), 0),
        p95: round(p95, 0),
        worst: round(Math.max(...latencies), 0),
      },
      limitOfP95Ms: LIMIT_P95_MS,
      latenciesMs: latencies.map((one) => Math.round(one)),
    },
  };
}

/** From the sending of an event until the file is there, or is gone, of objects that come at a modest pace. */
async function singles(setting: Setting, signal: AbortSignal): Promise<number[]> {
  const { s3, bucket, sqs, queueUrl, mount } = setting;
  const latencies: Promise<number>[] = [];
  for (let index = 0; index < SINGLE; index += 1) {
    const Key = `single/${index >> 1}`;
    const created = index % 2 === 0;
    // A removal comes once the copy is there.
    if (!created) await latencies.at(-1);
    if (created) await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: `content ${index}` }));
    else await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
    const sent = performance.now();
    await sqs.send(
      new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: message({ bucket, key: Key, created }, index) }),
    );
    latencies.push(
      (async () => {
        while ((await isThere(join(mount, Key))) !== created) await sleep(5, undefined, { signal });
        return performance.now() - sent;
      })(),
    );
    await sleep(SINGLE_EVERY_MS, undefined, { signal });
  }
  return Promise.all(latencies);
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Names with what an event has to encode, in folders that come and go. */
const keyOf = (index: number) => `storm/${index % 20}/${index % 3 === 0 ? 'deep/er/' : ''}key ${index} +é%20&.csv`;

/** Creates, overwrites and deletes, many at once, whose events come doubled and in any order while it goes on. Answers how many were sent. */
async function changes(setting: Setting): Promise<number> {
  const { s3, bucket } = setting;
  const limit = pLimit(32);
  const sends = new Sender(setting);
  await limit.map(
    Array.from({ length: CHANGES }, (_, index) => index),
    async (index) => {
      const key = keyOf(Math.floor(Math.random() * KEYS));
      const created = Math.random() < 0.65;
      if (created) {
        const Body = Buffer.alloc(1 + Math.floor(Math.random() * 4_000), `${index} `);
        await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body }));
      } else await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
      for (let copy = 0; copy < 2; copy += 1) await sends.add(message({ bucket, key, created }, index + copy));
    },
  );
  // Of old versions, deleted later, which change nothing on the mount.
  while (sends.count < EVENTS) {
    const key = keyOf(Math.floor(Math.random() * KEYS));
    await sends.add(message({ bucket, key, created: false }, sends.count));
  }
  await sends.flush();
  return sends.count;
}

/** Deletes of versions by their id: the object itself stays what it is. */
async function deleteOldVersions({ s3, sqs, queueUrl, bucket }: Setting): Promise<void> {
  for (let index = 0; index < 20; index += 1) {
    const Key = `old/${index}`;
    const { VersionId } = await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'old' }));
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'new' }));
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key, VersionId }));
    const MessageBody = message({ bucket, key: Key, created: false }, index);
    await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
  }
}
