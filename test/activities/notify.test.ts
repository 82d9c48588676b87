import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createNotifyActivities } from '../../activities/notify/index.js';
import type { Notice, NotifyActivities } from '../../contracts/notices.js';
import { startSlackSink } from '../../local/slack/server.js';
import type { SlackSink } from '../../local/slack/server.js';
import { AWS, runActivity } from './support/world.js';

const TOKEN = 'xoxb-1234-good';
const RUN = 'retrain/weather/2026-01-10T09:00:00.000Z';
const ssm = new SSMClient(AWS);
let folder: string;
let sink: SlackSink;
let url: string;
let tokenParameter: string;
let slack: NotifyActivities;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'notify-test-'));
  sink = await startSlackSink({ port: 0, file: join(folder, 'messages.jsonl') });
  url = `http://127.0.0.1:${sink.port}`;
});
afterAll(async () => {
  ssm.destroy();
  await sink.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  tokenParameter = `/slack-${randomUUID()}/token`;
  await setToken(TOKEN);
  await fetch(`${url}/_local/fault`, { method: 'DELETE' });
  slack = createNotifyActivities({
    ssm,
    slackApiUrl: `${url}/api/`,
    temporalUiUrl: 'http://127.0.0.1:8233/',
    namespace: 'default',
  });
});

const setToken = (Value: string, Type: 'SecureString' | 'String' = 'SecureString') =>
  ssm.send(new PutParameterCommand({ Name: tokenParameter, Value, Type, Overwrite: true }));
const fault = (body: object) => fetch(`${url}/_local/fault`, { method: 'PUT', body: JSON.stringify(body) });

function notice(change: Partial<Notice> = {}): Notice {
  return {
    kind: 'training',
    ref: { model: 'weather', run: RUN, runTime: '2026-01-10T09:00:00.000Z' },
    temporalRunId: 'c3-f7',
    stage: 'check data',
    request: { trigger: 'schedule' },
    metrics: [],
    seconds: 0.42,
    stages: {},
    warnings: [],
    ...change,
  };
}

const notify = (change: Partial<Notice> = {}, threadTs?: string) =>
  runActivity(slack.notifySlack, { slack: { channel: '#models', tokenParameter }, notice: notice(change), threadTs });

interface Posted {
  readonly ts: string;
  readonly threadTs?: string;
  readonly text: string;
  readonly blocks: {
    type: string;
    text?: { text: string };
    fields?: { text: string }[];
    elements?: { text: string }[];
  }[];
}
async function posted(ts: string): Promise<Posted> {
  const { messages } = (await (await fetch(`${url}/messages`)).json()) as { messages: Posted[] };
  const found = messages.find((message) => message.ts === ts);
  if (!found) throw new Error(`no message ${ts}`);
  return found;
}

describe('what is posted', () => {
  it('opens a thread that says which run it is and links to it', async () => {
    const message = await posted((await notify()).ts);
    expect(message.text).toBe('weather: training started');
    expect(message.threadTs).toBeUndefined();
    expect(message.blocks.at(-1)?.elements?.[0]?.text).toBe(
      `<http://127.0.0.1:8233/namespaces/default/workflows/${encodeURIComponent(RUN)}/c3-f7/history|${RUN}>`,
    );
  });

  it('shows who decided and why, and keeps to the ten fields that Slack allows a section', async () => {
    const { ts } = await notify({
      kind: 'ended',
      stage: 'done',
      outcome: 'Deployed',
      files: 3,
      metrics: [{ name: 'validation:rmse', value: 2 }],
      evaluation: {
        metric: 'rmse',
        holdout: { hash: 'h', files: 1, from: '2026-01-01', to: '2026-01-01' },
        rows: 10,
        candidate: { modelName: 'weather-1', metrics: { rmse: 1 }, scoreUri: 's3://b/s.json' },
        verdict: { passed: true, reasons: ['no gate is set'] },
        approval: { decision: 'approved', by: 'ada', note: 'seen <!channel>', at: '2026-01-10T10:00:00.000Z' },
      },
      trainingJob: 'weather-1',
      instanceType: 'ml.m5.large',
      endpoint: 'weather',
      endpointConfig: 'weather-1',
      request: { trigger: 'manual', set: ['training.volumeSizeGB=2'] },
    });
    const sections = (await posted(ts)).blocks.flatMap(({ fields }) =>
      fields ? [fields.map(({ text }) => text)] : [],
    );
    expect(sections.map((fields) => fields.length)).toEqual([10, 2]);
    expect(sections.flat()).toContain('*Decision*\napproved by ada: seen &lt;!channel&gt;');
  });

  it('shows at a glance what a reader needs, in the run’s thread', async () => {
    const { ts } = await notify();
    const reply = await notify(
      {
        kind: 'ended',
        stage: 'done',
        outcome: 'Deployed',
        files: 1_461,
        metrics: [{ name: 'validation:rmse', value: 2.671234 }],
        trainingJob: 'weather-1',
        instanceType: 'ml.m5.large',
        endpoint: 'weather',
        endpointConfig: 'weather-config',
        seconds: 3_725,
        stages: { train: 3_600, deploy: 125 },
        request: { trigger: 'manual', force: true, set: ['training.hyperparameters.wd=0.1'] },
        warnings: ['ml.g5.xlarge takes no volume key'],
      },
      ts,
    );
    const message = await posted(reply.ts);
    expect(message.threadTs).toBe(ts);
    expect(message.blocks[0]?.text?.text).toBe(':white_check_mark: weather: deployed');
    expect(message.blocks[1]?.fields?.map(({ text }) => text)).toEqual([
      '*Stage*\ndone',
      '*Duration*\n1 h 2 min',
      '*Files*\n1,461',
      '*Metric*\nvalidation:rmse 2.671',
      '*Training job*\nweather-1',
      '*Instance*\nml.m5.large',
      '*Endpoint*\nweather',
      '*Endpoint config*\nweather-config',
      '*Trigger*\nmanual, forced',
      '*Settings*\ntraining.hyperparameters.wd=0.1',
    ]);
    expect(message.blocks[2]?.text?.text).toContain('ml.g5.xlarge takes no volume key');
    expect(message.blocks[3]?.elements?.[0]?.text).toContain(' · train 1 h, deploy 2 min 5 s');
  });

  it('says why a run failed, escaped and within Slack’s limits', async () => {
    const change = {
      kind: 'ended',
      outcome: 'Failed',
      failureType: 'TrainingFailed',
      reason: `<!channel> & ${'&'.repeat(9_000)}`,
      metrics: Array.from({ length: 200 }, (_, i) => ({ name: `metric-${i}`, value: i })),
      warnings: ['<'.repeat(5_000)],
    } as const;
    const { text, blocks } = await posted((await notify(change)).ts);
    expect(text).toMatch(/^weather: failed\. TrainingFailed: &lt;!channel&gt; &amp; (&amp;)+…$/);
    expect(blocks[1]?.text?.text).toMatch(/^TrainingFailed: &lt;!channel&gt; &amp; (&amp;)+…$/);
    const texts = blocks.flatMap((block) => [block.text?.text ?? '', ...(block.elements ?? []).map((one) => one.text)]);
    expect(Math.max(...texts.map((one) => one.length))).toBeLessThanOrEqual(3_000);
    expect(Math.max(...(blocks[2]?.fields ?? []).map((field) => field.text.length))).toBeLessThanOrEqual(2_000);
  });

  it('leaves out the link where there is no UI', async () => {
    slack = createNotifyActivities({ ssm, slackApiUrl: `${url}/api/`, namespace: 'default' });
    expect((await posted((await notify()).ts)).blocks.at(-1)?.elements?.[0]?.text).toBe(RUN);
  });
});

describe('the token', () => {
  it('is read again when Slack refuses the one it knew', async () => {
    await notify();
    await setToken('xoxb-1234-next');
    await fault({ mode: 'error', error: 'token_expired', times: 1 });
    expect((await notify()).ts).toBeTruthy();
  });

  it.each(['invalid_auth', 'token_revoked'])('is named by its parameter, not its value, after %s', async (error) => {
    await fault({ mode: 'error', error });
    const failure: unknown = await notify().catch((reason: unknown) => reason);
    expect(failure).toMatchObject({ type: 'SlackRefused', nonRetryable: true });
    expect(String(failure)).toContain(`SSM parameter ${tokenParameter}`);
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain(TOKEN);
  });

  it('is asked for where there is none', async () => {
    tokenParameter = '/slack/missing/token';
    await expect(notify()).rejects.toMatchObject({
      type: 'SlackRefused',
      message: expect.stringMatching(/\/slack\/missing\/token does not exist.*SecureString/),
    });
  });

  it('is refused where it lies in the open', async () => {
    tokenParameter = `/slack-${randomUUID()}/token`;
    await setToken(TOKEN, 'String');
    await expect(notify()).rejects.toMatchObject({ type: 'SlackRefused' });
  });
});

describe('what Slack refuses or cannot do', () => {
  it.each([
    ['not_in_channel', '/invite'],
    ['channel_not_found', 'notify.slack.channel'],
    ['missing_scope', 'chat:write'],
    ['some_new_error', 'some_new_error'],
  ])('%s is refused, with what to do', async (error, remedy) => {
    await fault({ mode: 'error', error });
    await expect(notify()).rejects.toMatchObject({
      type: 'SlackRefused',
      nonRetryable: true,
      message: expect.stringContaining(remedy),
    });
  });

  it.each([{ mode: 'outage' }, { mode: 'error', error: 'internal_error' }])('$mode $error passes', async (body) => {
    await fault(body);
    await expect(notify()).rejects.toMatchObject({ type: 'SlackUnavailable', nonRetryable: false });
  });

  it('a rate limit is answered at once, with the time to wait', async () => {
    await fault({ mode: 'rate-limit', retryAfter: 30 });
    const began = Date.now();
    await expect(notify()).rejects.toMatchObject({ type: 'SlackUnavailable', nextRetryDelay: 30_000 });
    expect(Date.now() - began).toBeLessThan(1_000);
  });

  it('an answer that does not come is given up after three seconds', async () => {
    await fault({ mode: 'timeout' });
    const began = Date.now();
    await expect(notify()).rejects.toMatchObject({ type: 'SlackUnavailable' });
    expect(Date.now() - began).toBeLessThan(4_500);
  });

  it('a server that is not there passes', async () => {
    slack = createNotifyActivities({ ssm, slackApiUrl: 'http://127.0.0.1:1/api/', namespace: 'default' });
    await expect(notify()).rejects.toMatchObject({ type: 'SlackUnavailable' });
  });
});
