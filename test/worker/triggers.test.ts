import { randomUUID } from 'node:crypto';
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DefinitionInput } from '../../contracts/definition/index.js';
import { entityId } from '../../contracts/names.js';
import type { ModelState, ModelStatus } from '../../contracts/runs.js';
import { TRIGGERS_MEMO } from '../../contracts/triggers.js';
import { exampleDefinition } from '../support/definitions.js';
import { devServerEnvironment } from '../support/dev-server.js';
import { NO_NEWS, raise, script, type Script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';
import { awsSettings, withListener, type TestQueue } from './queue.js';

let env: TestWorkflowEnvironment;
let s3: S3Client;
let events: EventBridgeClient;
beforeAll(async () => {
  env = await devServerEnvironment();
  s3 = new S3Client(awsSettings());
  events = new EventBridgeClient(awsSettings());
});
afterAll(async () => {
  s3.destroy();
  events.destroy();
  await env.teardown();
});

const noNews = () =>
  script({
    checkData: async () => NO_NEWS,
  });

interface Model extends TestQueue {
  readonly name: string;
  readonly bucket: string;
  put(key: string): Promise<void>;
  status(): Promise<ModelStatus>;
  signals(name: string): Promise<number>;
}

/** A bucket that tells EventBridge, a rule that fills the queue, the listener, and an entity that the listener can know of. */
async function withModel(
  triggers: DefinitionInput['triggers'],
  scripted: Script,
  body: (model: Model) => Promise<void>,
  log?: (line: string) => void,
): Promise<void> {
  const id = randomUUID().slice(0, 8);
  const [name, bucket] = [`triggered-${id}`, `bucket-${id}`];
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const NotificationConfiguration = { EventBridgeConfiguration: {} };
  await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket: bucket, NotificationConfiguration }));
  const definition = exampleDefinition({ name, data: { bucket, channels: ['validation'] }, notify: {}, triggers });
  const state: ModelState = { name, definition };
  await withWorker(env, scripted.activities, async (taskQueue) => {
    const workflowId = entityId(name);
    const handle = await env.client.workflow.start('model', { taskQueue, workflowId, args: [state] });
    try {
      await expect
        .poll(
          async () => {
            for await (const { memo } of env.client.workflow.list({ query: `WorkflowId = "${workflowId}"` }))
              if (memo?.[TRIGGERS_MEMO]) return true;
            return false;
          },
          { timeout: 10_000 },
        )
        .toBe(true);
      await withListener(
        env,
        async (queue) => {
          const EventPattern = JSON.stringify({ account: ['000000000000'] });
          await events.send(new PutRuleCommand({ Name: name, EventPattern }));
          await events.send(new PutTargetsCommand({ Rule: name, Targets: [{ Id: 'queue', Arn: queue.arn }] }));
          await body({
            ...queue,
            name,
            bucket,
            put: async (Key) => {
              await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: '1,2' }));
            },
            status: () => handle.query<ModelStatus>('status'),
            signals: async (signal) =>
              ((await handle.fetchHistory()).events ?? []).filter(
                (event) => event.workflowExecutionSignaledEventAttributes?.signalName === signal,
              ).length,
          });
        },
        log,
      );
    } finally {
      await handle.terminate().catch(() => undefined);
    }
  });
}

describe('new data in S3', () => {
  it('starts one run once it has stopped coming: for one object, and for fifty', async () => {
    const scripted = noNews();
    await withModel({ newData: { debounce: '2s' } }, scripted, async ({ name, put, left, status, signals }) => {
      await put(`data/${name}/train/2026-01-01.csv`);
      await expect.poll(() => scripted.count('checkData'), { timeout: 15_000 }).toBe(1);
      expect(await signals('dataArrived')).toBe(1);
      await expect.poll(async () => (await status()).lastRun?.outcome, { timeout: 15_000 }).toBe('NoNewData');

      const days = Array.from({ length: 50 }, (_, day) => new Date(Date.UTC(2026, 1, day + 1)).toISOString());
      await Promise.all(days.map((day) => put(`data/${name}/validation/${day.slice(0, 10)}/part 1+2.csv`)));
      await expect.poll(left, { timeout: 15_000 }).toBe(0);
      await expect.poll(async () => (await status()).events?.arrivals, { timeout: 15_000 }).toBeUndefined();
      // The look that follows every `apply` comes after half a minute: on a slow machine within this test.
      const looks = (await status()).events?.lookAt === undefined ? 1 : 0;
      await expect.poll(() => scripted.count('checkData'), { timeout: 15_000 }).toBe(2 + looks);
      expect(await signals('dataArrived')).toBeLessThan(10);
    });
  });

  it('is no data: what a run writes, what bears no date, what is empty, what lies elsewhere, what is malformed', async () => {
    const lines: string[] = [];
    const scripted = noNews();
    await withModel(
      { newData: { debounce: '1s' } },
      scripted,
      async ({ name, bucket, put, send, left, status, signals }) => {
        await put(`models/${name}/runs/2026-01-01.csv`);
        await put(`data/${name}/train/readme.csv`);
        await put(`data/${name}/train/2026-02-30.csv`);
        await put(`data/${name}/test/2026-01-01.csv`);
        await put(`data/other/train/2026-01-01.csv`);
        await send('{"secret": "of a person"}');
        await send('not json');
        await send(JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: bucket }));
        await send(s3Notification('another-bucket', `data/${name}/train/2026-01-01.csv`));
        await send(s3Notification(bucket, `data/${name}/train/2026-01-01/`, 0));
        await send(s3Notification(bucket, `data/${name}/train/2026-01-01.csv`, 3, 'ObjectRemoved:Delete'));
        await expect.poll(left, { timeout: 15_000 }).toBe(0);
        expect((await status()).events?.arrivals).toBeUndefined();
        expect(await signals('dataArrived')).toBe(0);

        await send(s3Notification(bucket, `data%2F${name}/train/2026-01-01/a+b%2Bc.csv`));
        await expect.poll(() => signals('dataArrived'), { timeout: 15_000 }).toBe(1);
      },
      (line) => lines.push(line),
    );
    expect(lines.filter((line) => line.includes('was no event'))).toHaveLength(2);
    expect(lines.join('')).not.toContain('person');
  });
});

const s3Notification = (bucket: string, key: string, size = 3, eventName = 'ObjectCreated:Put') =>
  JSON.stringify({
    Records: [{ eventSource: 'aws:s3', eventName, s3: { bucket: { name: bucket }, object: { key, size } } }],
  });

describe('a declared event', () => {
  const declared = { source: 'my.pipeline', detailType: 'Preprocessing finished', detail: { state: ['OK', 'PARTLY'] } };
  const publish = (state: string, more: object = {}) =>
    events.send(
      new PutEventsCommand({
        Entries: [
          {
            Source: declared.source,
            DetailType: declared.detailType,
            Detail: JSON.stringify({ state, ...more }),
            ...more,
          },
        ],
      }),
    );

  it('starts a run at once, which says so; another event starts none', async () => {
    const scripted = noNews();
    await withModel({ events: [declared] }, scripted, async ({ status, left, signals }) => {
      await publish('FAILED');
      await publish('OK', { Source: 'other.pipeline' });
      await publish('OK', { DetailType: 'Preprocessing started' });
      await publish('OK');
      await expect.poll(() => scripted.count('checkData'), { timeout: 15_000 }).toBe(1);
      await expect.poll(left, { timeout: 15_000 }).toBe(0);
      await expect.poll(async () => (await status()).lastRun?.outcome).toBe('NoNewData');
      expect(await signals('runWanted')).toBe(1);
      const { lastRun } = await status();
      const { raw } = await env.client.workflow.getHandle(lastRun?.run ?? '').describe();
      const [summary] = raw.executionConfig?.userMetadata?.summary ? [raw.executionConfig.userMetadata.summary] : [];
      expect(Buffer.from(summary?.data ?? []).toString()).toContain('Preprocessing finished (my.pipeline)');
    });
  });

  it('delivered twice is one wish; fifty of them during a run are one more run', async () => {
    let open = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      open = resolve;
    });
    const scripted = script({
      checkData: async () => held.then(() => Promise.reject(raise('DataInvalid', 'stop here'))),
    });
    await withModel({ events: [declared] }, scripted, async ({ send, left, signals, status }) => {
      const message = (id: string) =>
        JSON.stringify({ id, source: declared.source, 'detail-type': declared.detailType, detail: { state: 'OK' } });
      await send(message('once'));
      await expect.poll(() => signals('runWanted'), { timeout: 15_000 }).toBe(1);
      await send(message('once'));
      await expect.poll(left, { timeout: 15_000 }).toBe(0);
      expect(await signals('runWanted')).toBe(1);
      await Promise.all(Array.from({ length: 50 }, (_, index) => send(message(`crowd-${index}`))));
      await expect.poll(left, { timeout: 15_000 }).toBe(0);
      expect((await status()).queue).toHaveLength(1);
      expect(await signals('runWanted')).toBeLessThan(10);
      open();
      await expect.poll(() => scripted.count('checkData'), { timeout: 15_000 }).toBe(2);
      await expect.poll(async () => (await status()).running, { timeout: 15_000 }).toBeUndefined();
      expect(scripted.count('checkData')).toBe(2);
    });
  });
});
