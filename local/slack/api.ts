import { z } from 'zod';
import type { Block, Message, Messages } from './messages.js';

/** Slack says what went wrong in the body of a 200. */
export type Answer = { ok: true; [key: string]: unknown } | { ok: false; error: string };

const MAX_TEXT = 40_000;
const MAX_BLOCKS = 50;
const Blocks = z.array(z.looseObject({ type: z.string() })).max(MAX_BLOCKS);
/** Slack's limit of the text of a block. */
const blockTextLimits: Readonly<Record<string, number>> = { header: 150, section: 3_000 };

const refuse = (error: string): Answer => ({ ok: false, error });

/** Blocks come as an array or, in a form, as its JSON; `invalid` if Slack would refuse them. */
function parseBlocks(value: unknown): Block[] | undefined | 'invalid' {
  if (value === undefined || value === '') return undefined;
  try {
    const blocks = Blocks.parse(typeof value === 'string' ? JSON.parse(value) : value);
    return blocks.every(fits) ? blocks : 'invalid';
  } catch {
    return 'invalid';
  }
}

function fits(block: Block): boolean {
  const limit = blockTextLimits[block.type];
  const { text } = block as { text?: { text?: unknown } };
  return limit === undefined || typeof text?.text !== 'string' || (text.text !== '' && text.text.length <= limit);
}

const wire = (message: Message): object => ({
  type: 'message',
  user: 'U0PERENNIAL',
  bot_id: 'B0PERENNIAL',
  text: message.text,
  ts: message.ts,
  ...(message.threadTs === undefined ? {} : { thread_ts: message.threadTs }),
  blocks: message.blocks,
});

type Parameters = Readonly<Record<string, unknown>>;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function postMessage(input: Parameters, messages: Messages): Answer {
  const channel = text(input.channel);
  const blocks = parseBlocks(input.blocks);
  if (channel === '') return refuse('channel_not_found');
  if (blocks === 'invalid') return refuse('invalid_blocks');
  if (text(input.text) === '' && (blocks ?? []).length === 0) return refuse('no_text');
  if (text(input.text).length > MAX_TEXT) return refuse('msg_too_long');
  const threadTs = text(input.thread_ts) || undefined;
  const message = messages.post({ channel, threadTs, text: text(input.text), blocks: blocks ?? [] });
  return { ok: true, channel: message.channelId, ts: message.ts, message: wire(message) };
}

function update(input: Parameters, messages: Messages): Answer {
  const blocks = parseBlocks(input.blocks);
  if (blocks === 'invalid') return refuse('invalid_blocks');
  if (text(input.text) === '' && (blocks ?? []).length === 0) return refuse('no_text');
  const change = {
    ...(input.text === undefined ? {} : { text: text(input.text) }),
    ...(blocks === undefined ? {} : { blocks }),
  };
  const message = messages.update(text(input.channel), text(input.ts), change);
  if (message === undefined) return refuse('message_not_found');
  return { ok: true, channel: message.channelId, ts: message.ts, text: message.text, message: wire(message) };
}

function authTest(): Answer {
  return {
    ok: true,
    url: 'https://local.slack.com/',
    team: 'Local mode',
    team_id: 'T0PERENNIAL',
    user: 'perennial',
    user_id: 'U0PERENNIAL',
    bot_id: 'B0PERENNIAL',
    is_enterprise_install: false,
  };
}

/** Answers one Web API method. Any token in the form of a bot's is taken; others are refused as Slack refuses them. */
export function callMethod(method: string, token: string | undefined, input: Parameters, messages: Messages): Answer {
  if (token === undefined || token === '') return refuse('not_authed');
  if (!/^xoxb-[\w-]+$/.test(token)) return refuse('invalid_auth');
  switch (method) {
    case 'auth.test':
      return authTest();
    case 'chat.postMessage':
      return postMessage(input, messages);
    case 'chat.update':
      return update(input, messages);
    default:
      return refuse('unknown_method');
  }
}
