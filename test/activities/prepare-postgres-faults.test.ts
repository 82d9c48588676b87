import { S3Client } from '@aws-sdk/client-s3';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startExporter } from '../../bench/support/export/exporting.js';
import type { PrepareInput } from '../../contracts/prepare.js';
import { until } from '../support/local.js';
import { failureOf } from './support/local-sagemaker.js';
import { startPostgresWorld, type PostgresWorld } from './support/postgres-world.js';
import { s3Error, startS3Proxy, type PassingCall } from './support/s3-proxy.js';
import { AWS, runActivity } from './support/world.js';

let world: PostgresWorld;
beforeAll(async () => {
  world = await startPostgresWorld();
});
afterAll(() => world.stop());

/** Rows of 100 bytes, 20 MB in all, with a pause of the server every so often. */
const ROWS = 200_000;
const slowly = (pause: number) =>
  `SELECT i AS price, lpad(i::text, 92, 'x') AS note FROM generate_series(1, ${ROWS}) AS i WHERE i % 40000 <> 0 OR pg_sleep(${pause}) IS NOT NULL`;
const CSV = Array.from({ length: ROWS }, (_, i) => `${i + 1},${String(i + 1).padStart(92, 'x')}\n`).join('');

async function expectWhole(work: PrepareInput): Promise<void> {
  const texts = await Promise.all((await world.parts(work)).map(world.text));
  // An export of 20 MB in objects of five.
  expect(texts).toHaveLength(4);
  expect(texts.join('') === CSV).toBe(true);
  expect([await world.uploads(work), await world.statements(work)]).toEqual([[], []]);
}

/** What a run left in S3 and on the server. */
const leftBy = async (work: PrepareInput) => [
  await world.parts(work),
  await world.uploads(work),
  await world.statements(work),
];

/** An export that can be cancelled, as a worker runs it. */
function started(work: PrepareInput, activities = world.activities) {
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  const ended = environment.run(activities.exportQuery, work).then(
    () => 'done',
    (error: unknown) => error,
  );
  return { cancel: () => environment.cancel(), ended };
}

/** Cancels an export: its statement is gone from the server within seconds. */
async function expectCancelled(work: PrepareInput, { cancel, ended }: ReturnType<typeof started>): Promise<void> {
  const began = Date.now();
  cancel();
  expect(await ended).toBeInstanceOf(CancelledFailure);
  await until('it is gone', async () => (await world.statements(work)).length === 0);
  expect(Date.now() - began).toBeLessThan(5_000);
}

/** An S3 whose answers to some calls are the test's. */
async function withS3<T>(handle: Parameters<typeof startS3Proxy>[1], use: (s3: S3Client) => Promise<T>): Promise<T> {
  const proxy = await startS3Proxy(AWS.endpoint, handle);
  const s3 = new S3Client({ ...AWS, endpoint: proxy.endpoint, maxAttempts: 1 });
  try {
    return await use(s3);
  } finally {
    s3.destroy();
    await proxy.close();
  }
}
const isPart = ({ url }: PassingCall, number: number) => url.includes(`partNumber=${number}&`);

describe('a worker that is killed while it exports', () => {
  it('leaves what the next try puts an end to: one export, whole, and no statement beside it', async () => {
    const work = world.input(slowly(0.4), { maxFileMiB: 5 });
    const exporter = await startExporter({
      AWS_ENDPOINT_URL: AWS.endpoint,
      AWS_REGION: AWS.region,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    });
    const ended = exporter.run({ kind: 'exportQuery', input: work }).catch((error: Error) => error.message);
    await until('an object is there', async () => (await world.parts(work)).length > 0);
    await exporter.stop();
    expect(await ended).toContain('SIGKILL');
    // Half of it is there, and nothing says that it is an export.
    expect((await world.parts(work)).length).toBeLessThan(4);
    const again = await world.exported(work);
    expect(again).toMatchObject({ rows: ROWS, bytes: CSV.length, parts: 4, attached: false });
    await expectWhole(work);
    const published = await runActivity(world.activities.publishExport, { ...work, exported: again });
    expect(published).toMatchObject({ rows: ROWS, parts: 4, replaced: 0 });
  });

  it('ends the statement of a try that hangs on the server still', async () => {
    const work = world.input(slowly(0), { maxFileMiB: 5 });
    await withS3(
      // Never an answer: the worker waits, and the server for the worker.
      (call) => (call.method === 'PUT' && call.url.includes('data_0001') ? new Promise(() => undefined) : undefined),
      async (s3) => {
        const first = started(work, world.over(s3));
        await until('it hangs', async () => (await world.parts(work)).length > 0);
        const [before] = await world.statements(work);
        expect(before?.query).toMatch(/^COPY \(/);
        expect(await world.exported(work)).toMatchObject({ rows: ROWS, attached: false });
        expect((await world.statements(work)).map(({ pid }) => pid)).not.toContain(before?.pid);
        first.cancel();
        expect(await first.ended).toBeInstanceOf(CancelledFailure);
      },
    );
    await expectWhole(work);
  });

  it('has its export found by the next try, if it was whole', async () => {
    const work = world.input('SELECT i AS price FROM generate_series(1, 10) AS i');
    const first = await world.exported(work);
    // Where the server is no longer to be reached.
    await world.setParameter('postgres://somebody:else@127.0.0.1:9/x?sslmode=disable');
    expect(await world.exported(work)).toEqual({ ...first, attached: true });
    await world.setParameter(world.plainUrl);
  });
});

describe('cancelling', () => {
  const runs = (work: PrepareInput) =>
    until('it runs', async () => (await world.statements(work)).some(({ query }) => query.startsWith('COPY')));

  it('ends the statement on the server within seconds, and leaves nothing', async () => {
    const work = world.input('SELECT 1 AS price FROM pg_sleep(120)');
    const running = started(work);
    await runs(work);
    await expectCancelled(work, running);
    expect(await leftBy(work)).toEqual([[], [], []]);
  });

  it('before there is a connection has no statement begin', async () => {
    const work = world.input('SELECT 1 AS price FROM pg_sleep(120)');
    await expectCancelled(work, started(work));
    expect(await leftBy(work)).toEqual([[], [], []]);
  });

  it('waits for no server that is not to be reached any more', async () => {
    const work = world.input('SELECT 1 AS price FROM pg_sleep(120)');
    const { cancel, ended } = started(work);
    await runs(work);
    await world.setParameter('postgres://somebody:else@127.0.0.1:9/x?sslmode=disable');
    cancel();
    expect(await ended).toBeInstanceOf(CancelledFailure);
    await world.setParameter(world.plainUrl);
    for (const { pid } of await world.statements(work))
      await world.admin.query('SELECT pg_terminate_backend($1)', [pid]);
  });

  it('ends it too while rows are on their way, into an upload that S3 does not answer', async () => {
    const work = world.input(slowly(0), { maxFileMiB: 256 });
    let hanging = false;
    await withS3(
      async (call) => {
        if (!isPart(call, 2)) return undefined;
        hanging = true;
        return new Promise(() => undefined);
      },
      async (s3) => {
        const running = started(work, world.over(s3));
        await until('it hangs', () => hanging);
        await expectCancelled(work, running);
      },
    );
    expect(await leftBy(work)).toEqual([[], [], []]);
  });
});

describe('what goes wrong on the way', () => {
  it.each([
    [
      'a part that S3 refuses',
      (call: PassingCall) => isPart(call, 2),
      403,
      'AccessDenied',
      'AccessDenied',
      /data_: write failed.*s3:PutObject/,
    ],
    [
      'the end of an upload that fails',
      ({ method, url }: PassingCall) => method === 'POST' && url.includes('uploadId='),
      503,
      'SlowDown',
      'Throttled',
      /data_: write failed/,
    ],
  ] as const)('leaves neither object nor upload: %s', async (_case, applies, status, code, type, message) => {
    const work = world.input(slowly(0), { maxFileMiB: 256 });
    await withS3(
      (call) => (applies(call) ? s3Error(status, code) : undefined),
      async (s3) => {
        const failure = await failureOf(runActivity(world.over(s3).exportQuery, work));
        expect([failure.type, failure.message]).toEqual([type, expect.stringMatching(message)]);
      },
    );
    expect(await leftBy(work)).toEqual([[], [], []]);
  });

  it('is no end of the rows: the server going away in their midst', async () => {
    const work = world.input(slowly(0.3), { maxFileMiB: 5 });
    const ended = failureOf(world.exported(work));
    await until('an object is there', async () => (await world.parts(work)).length > 0);
    const [statement] = await world.statements(work);
    await world.admin.query('SELECT pg_terminate_backend($1)', [statement?.pid]);
    const failure = await ended;
    expect([failure.type, failure.nonRetryable]).toEqual(['ServiceUnavailable', false]);
    expect(failure.message).toMatch(/copy the query failed: .*57P01/);
  });
});
