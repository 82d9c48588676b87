import { ErrorCode, LogLevel, WebClient } from '@slack/web-api';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../../local/slack/messages.js';
import { type SlackSink, startSlackSink } from '../../local/slack/server.js';
import { temporaryFolder } from '../support/local.js';

let file: string;
let sink: SlackSink;
let base: string;

async function open(): Promise<void> {
  sink = await startSlackSink({ port: 0, file });
  base = `http://127.0.0.1:${sink.port}`;
}
beforeEach(async () => {
  file = join(await temporaryFolder(), 'messages.jsonl');
  await open();
});
afterEach(() => sink.close());

/** The library as production sets it: no retries of its own. */
const client = (token = 'xoxb-local') =>
  new WebClient(token, {
    slackApiUrl: `${base}/api/`,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: 300,
    logLevel: LogLevel.ERROR,
  });
const json = async (path: string) => (await (await fetch(`${base}${path}`)).json()) as { messages: Message[] };
const page = async () => (await fetch(base)).text();
const fault = (body: unknown) => fetch(`${base}/_local/fault`, { method: 'PUT', body: JSON.stringify(body) });

describe('the API, through the official client', () => {
  it('posts, threads and changes messages', async () => {
    const root = await client().chat.postMessage({ channel: '#ml', text: 'first' });
    const reply = await client().chat.postMessage({ channel: root.channel ?? '', text: 'second', thread_ts: root.ts });
    await client().chat.update({ channel: root.channel ?? '', ts: root.ts ?? '', text: 'changed' });
    expect(Number(reply.ts)).toBeGreaterThan(Number(root.ts));
    const { messages } = await json('/messages');
    expect(messages).toMatchObject([
      { channel: '#ml', text: 'changed', edited: true, ts: root.ts },
      { channel: '#ml', text: 'second', threadTs: root.ts },
    ]);
  });

  it('says who it is', async () => {
    expect(await client().auth.test()).toMatchObject({ ok: true, user: 'perennial' });
  });

  it.each([
    ['a token that is no bot token', 'wrong', { channel: '#ml', text: 'x' }, 'invalid_auth'],
    ['neither text nor blocks', 'xoxb-local', { channel: '#ml', text: '' }, 'no_text'],
    ['no channel', 'xoxb-local', { channel: '', text: 'x' }, 'channel_not_found'],
    [
      'too many blocks',
      'xoxb-local',
      { channel: '#ml', text: 'x', blocks: Array(51).fill({ type: 'divider' }) },
      'invalid_blocks',
    ],
    [
      'a block whose text is too long',
      'xoxb-local',
      { channel: '#ml', text: 'x', blocks: [{ type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(3001) } }] },
      'invalid_blocks',
    ],
  ])('refuses %s', async (_case, token, message, error) => {
    await expect(client(token).chat.postMessage(message)).rejects.toMatchObject({ data: { ok: false, error } });
  });

  it('refuses to change a message that is not there, and methods it does not have', async () => {
    await expect(client().chat.update({ channel: '#ml', ts: '1.000000', text: 'x' })).rejects.toMatchObject({
      data: { error: 'message_not_found' },
    });
    await expect(client().apiCall('chat.delete')).rejects.toMatchObject({ data: { error: 'unknown_method' } });
  });

  it('keeps messages over a restart, also after a line that was cut short', async () => {
    const { ts } = await client().chat.postMessage({ channel: '#ml', text: 'kept' });
    await sink.close();
    await appendFile(file, '{"channel":"#ml","te');
    await open();
    await client().chat.postMessage({ channel: '#ml', text: 'after', thread_ts: ts });
    await sink.close();
    await open();
    const { messages } = await json('/messages');
    expect(messages.map(({ text }) => text)).toEqual(['kept', 'after']);
  });
});

describe('faults', () => {
  it('limits the rate, as often as it was told to', async () => {
    await fault({ mode: 'rate-limit', retryAfter: 7, times: 1 });
    await expect(client().auth.test()).rejects.toMatchObject({ code: ErrorCode.RateLimitedError, retryAfter: 7 });
    expect((await client().auth.test()).ok).toBe(true);
  });

  it('answers ok:false, fails or hangs until it is told to stop', async () => {
    await fault({ mode: 'error', error: 'account_inactive' });
    await expect(client().auth.test()).rejects.toMatchObject({ data: { error: 'account_inactive' } });
    await fault({ mode: 'outage' });
    await expect(client().auth.test()).rejects.toMatchObject({ code: ErrorCode.HTTPError, statusCode: 503 });
    await fault({ mode: 'timeout' });
    await expect(client().auth.test()).rejects.toMatchObject({ code: ErrorCode.RequestError });
    await fetch(`${base}/_local/fault`, { method: 'DELETE' });
    expect((await client().auth.test()).ok).toBe(true);
  });

  it('explains a fault it does not know', async () => {
    const response = await fault({ mode: 'chaos' });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('mode');
  });
});

describe('the page', () => {
  it('shows blocks as Slack does, a thread together', async () => {
    const { ts } = await client().chat.postMessage({
      channel: '#ml',
      text: 'fallback',
      blocks: [
        { type: 'header', text: { type: 'plain_text', text: ':rocket: seattle-weather' } },
        {
          type: 'section',
          text: { type: 'mrkdwn', text: '*Deployed* in `12 s`, <https://example.com/a?b=1&amp;c=2|the run>' },
          fields: [{ type: 'mrkdwn', text: '*RMSE*\n2.67' }],
        },
        {
          type: 'actions',
          elements: [{ type: 'button', text: { type: 'plain_text', text: 'Open' }, url: 'https://example.com/open' }],
        },
      ],
    });
    await client().chat.postMessage({ channel: '#ml', text: 'reply', thread_ts: ts });
    const html = await page();
    expect(html).toContain('<h3>🚀 seattle-weather</h3>');
    expect(html).toContain('<strong>Deployed</strong> in <code>12 s</code>');
    expect(html).toContain('<a href="https://example.com/a?b=1&amp;c=2" target="_blank" rel="noreferrer">the run</a>');
    expect(html).toContain('<strong>RMSE</strong><br>2.67');
    expect(html).toContain('href="https://example.com/open"');
    expect(html).toContain('1 reply');
    expect(html.match(/class="thread"/g)).toHaveLength(1);
    expect(html).not.toContain('fallback');
  });

  it('never runs what a message says', async () => {
    const evil = '<script>alert(1)</script> "><img src=x onerror=alert(1)> <javascript:alert(1)|x>';
    await client().chat.postMessage({
      channel: evil,
      text: evil,
      blocks: [
        { type: 'section', text: { type: 'mrkdwn', text: evil } },
        { type: 'context', elements: [{ type: 'plain_text', text: evil }] },
        {
          type: 'actions',
          elements: [{ type: 'button', text: { type: 'plain_text', text: evil }, url: 'javascript:alert(1)' }],
        },
      ],
    });
    const html = await page();
    expect(html).not.toContain('<script>alert');
    expect(html).not.toContain('<img');
    expect(html).not.toMatch(/href="javascript/);
  });
});
