import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { WebClient } from '@slack/web-api';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { startFaultProxy, type FaultKind, type FaultProxy } from '../../bench/support/faults/index.js';
import { startSlackSink, type SlackSink } from '../../local/slack/server.js';
import { temporaryFolder, until } from '../support/local.js';

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const BUCKET = 'fault-proxy';
const common = { region: 'us-east-1', credentials, maxAttempts: 1 };

let sink: SlackSink;
let proxy: FaultProxy;
let s3: S3Client;
let ssm: SSMClient;
let pool: pg.Pool;
/** Past the proxy. */
let direct: S3Client;
let sprung = 0;

beforeAll(async () => {
  sink = await startSlackSink({ port: 0, file: `${await temporaryFolder()}/messages.jsonl` });
  const aws = inject('aws').endpoint;
  const slack = `http://127.0.0.1:${sink.port}`;
  // The proxies don't care which of AWS's services answers behind them.
  proxy = await startFaultProxy({ urls: { aws, sagemaker: aws, slack, postgres: inject('postgres').url } });
  const { AWS_ENDPOINT_URL: endpoint, DATABASE_URL: connectionString } = proxy.env;
  s3 = new S3Client({ ...common, endpoint });
  ssm = new SSMClient({ ...common, endpoint });
  direct = new S3Client({ ...common, endpoint: aws });
  pool = new pg.Pool({ connectionString, max: 1 });
  pool.on('error', () => undefined);
  await direct.send(new CreateBucketCommand({ Bucket: BUCKET }));
});

afterAll(async () => {
  for (const client of [s3, ssm, direct]) client.destroy();
  await pool.end();
  await proxy.close();
  await sink.close();
});

beforeEach(() => {
  proxy.book.begin('weather');
  sprung = 0;
});

const set = (key: string, kind: FaultKind, nth = 1, times = 1) =>
  proxy.book.set({ key, kind, nth, times, sprung: () => (sprung += 1) });
const put = (Key: string) => s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'text' }));
const isThere = async (Key: string) =>
  direct.send(new GetObjectCommand({ Bucket: BUCKET, Key })).then(
    () => true,
    (error: Error) => (error.name === 'NoSuchKey' ? false : Promise.reject(error)),
  );
const seen = () => proxy.book.calls.map(({ key, nth }) => `${key} #${nth}`);

describe('the book', () => {
  it('names calls by service, operation and resource, the same for every model and run, and counts them', async () => {
    await put('models/weather/runs/20261121T090000123Z/outcome.json');
    await s3.send(
      new GetObjectCommand({ Bucket: BUCKET, Key: 'models/weather/runs/20261121T090000123Z/outcome.json' }),
    );
    await put('models/weather/runs/20261121T100000456Z/outcome.json');
    await ssm.send(new PutParameterCommand({ Name: '/models/weather/x', Value: '0', Type: 'String', Overwrite: true }));
    await pool
      .query('SELECT name FROM pg_tables JOIN (VALUES ($1::text)) v (name) ON true LIMIT 1', ['a'])
      .catch(() => 0);
    expect(seen()).toEqual([
      'S3.PutObject models/<model>/runs/<run>/outcome.json #1',
      'S3.GetObject models/<model>/runs/<run>/outcome.json #1',
      'S3.PutObject models/<model>/runs/<run>/outcome.json #2',
      'SSM.PutParameter /models/<model>/x #1',
      'PostgreSQL.Connect #1',
      'PostgreSQL.SELECT pg_tables #1',
    ]);
    expect(proxy.book.calls.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
  });

  it('springs a trap at its call alone, as often as it was set for', async () => {
    set('S3.PutObject nth', 'throttle', 2, 2);
    await put('nth');
    await expect(put('nth')).rejects.toMatchObject({ name: 'SlowDown' });
    await expect(put('nth')).rejects.toMatchObject({ name: 'SlowDown' });
    await put('nth');
    expect(sprung).toBe(2);
  });
});

describe('a fault', () => {
  it.each<[FaultKind, object, boolean]>([
    ['throttle', { name: 'SlowDown', $metadata: { httpStatusCode: 503 } }, false],
    ['internal error', { name: 'InternalError' }, false],
    ['dropped before', { code: 'ECONNRESET' }, false],
    ['dropped after', { code: 'ECONNRESET' }, true],
  ])('of S3: %s', async (kind, error, effect) => {
    const key = kind.replaceAll(' ', '-');
    set(`S3.PutObject ${key}`, kind);
    await expect(put(key)).rejects.toMatchObject(error);
    expect([sprung, await isThere(key)]).toEqual([1, effect]);
  });

  it('of S3: a wrong body is a page with a good status, and nothing was written', async () => {
    set('S3.PutObject page', 'wrong body');
    expect((await put('page')).ETag).toBeUndefined();
    expect(await isThere('page')).toBe(false);
  });

  it.each<[FaultKind, object]>([
    ['throttle', { name: 'ThrottlingException' }],
    ['internal error', { name: 'InternalFailure' }],
    ['wrong body', { name: 'SyntaxError' }],
  ])('of a JSON service: %s', async (kind, error) => {
    set('SSM.GetParameter /nothing', kind);
    await expect(ssm.send(new GetParameterCommand({ Name: '/nothing' }))).rejects.toMatchObject(error);
  });

  it('time-out and slow body outlast the client, the one before the effect, the other after it', async () => {
    for (const [kind, key, effect] of [
      ['time-out', 'silence', false],
      ['slow body', 'slow', true],
    ] as const) {
      if (kind === 'slow body') await put(key);
      set(kind === 'slow body' ? `S3.GetObject ${key}` : `S3.PutObject ${key}`, kind);
      const read = async () =>
        kind === 'time-out'
          ? put(key)
          : (await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }))).Body?.transformToString();
      let answered = false;
      const call = read().finally(() => (answered = true));
      call.catch(() => undefined);
      await until(`the fault of ${key}`, () => sprung > 0);
      expect([answered, await isThere(key)]).toEqual([false, effect]);
      sprung = 0;
    }
  });

  it.each<[FaultKind, string]>([
    ['throttle', 'slack_webapi_rate_limited_error'],
    ['internal error', 'slack_webapi_http_error'],
    ['dropped before', 'slack_webapi_request_error'],
  ])('of Slack: %s', async (kind, code) => {
    set('Slack.chat.postMessage', kind);
    const slackApiUrl = proxy.env['SLACK_API_URL'];
    const slack = new WebClient('xoxb-test', {
      slackApiUrl,
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
    });
    await expect(slack.chat.postMessage({ channel: '#x', text: 'x' })).rejects.toMatchObject({ code });
  });
});

describe('a fault of PostgreSQL', () => {
  const insert = (word: string) => pool.query('INSERT INTO faults (word) VALUES ($1)', [word]);
  const words = async () =>
    (await pool.query<{ word: string }>('SELECT word FROM faults')).rows.map(({ word }) => word);
  beforeAll(() => pool.query('CREATE TABLE IF NOT EXISTS faults (word text)'));
  afterAll(() => pool.query('DROP TABLE faults'));

  it.each<[FaultKind, RegExp, boolean]>([
    ['throttle', /too many clients/, false],
    ['internal error', /administrator command/, false],
    ['dropped before', /ECONNRESET|terminated/, false],
    ['dropped after', /ECONNRESET|terminated/, true],
  ])('%s', async (kind, message, effect) => {
    set('PostgreSQL.INSERT faults', kind);
    await expect(insert(kind)).rejects.toThrow(message);
    expect([sprung, (await words()).includes(kind)]).toEqual([1, effect]);
  });

  it('at the beginning of a connection', async () => {
    set('PostgreSQL.Connect', 'dropped after');
    const one = new pg.Client({ connectionString: proxy.env['DATABASE_URL'] });
    await expect(one.connect()).rejects.toThrow(/ECONNRESET|terminated/);
    expect(sprung).toBe(1);
  });
});
