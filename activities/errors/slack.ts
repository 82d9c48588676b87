import { fields, type Verdict } from './verdict.js';

/** Slack's own faults, which pass (API reference of chat.postMessage, errors). */
const PASSING =
  /^(internal_error|fatal_error|service_unavailable|request_timeout|team_added_to_org|ratelimited|rate_limited|accesslimited)$/;

interface SlackError {
  readonly data?: { readonly error?: string; readonly needed?: string };
  readonly retryAfter?: number;
  readonly statusCode?: number;
  readonly original?: Error;
}

/** The verdict on an error of Slack's client, by its `code`; undefined if it is none. */
export function classifySlack(error: unknown): Verdict | undefined {
  const { code, message } = fields(error);
  if (!code.startsWith('slack_webapi_')) return undefined;
  const { data, retryAfter, statusCode, original } = error as SlackError;
  switch (code) {
    case 'slack_webapi_platform_error': {
      const reason = data?.error ?? message;
      if (PASSING.test(reason)) return { type: 'SlackUnavailable', text: `Slack answered ${reason}` };
      // Slack names a reason in one word; its client takes a page that something on the way gave instead for a reason too.
      if (!/^\w+$/.test(reason)) return { type: 'SlackUnavailable', text: "the answer was none of Slack's" };
      return {
        type: 'SlackRefused',
        text: `Slack answered ${reason}${data?.needed ? `: it needs the scope ${data.needed}` : ''}`,
      };
    }
    case 'slack_webapi_rate_limited_error':
      return {
        type: 'SlackUnavailable',
        text: `Slack wants to be asked again in ${retryAfter ?? 1} s`,
        retryAfter: retryAfter ?? 1,
      };
    case 'slack_webapi_http_error':
      if (statusCode !== undefined && statusCode >= 400 && statusCode < 500 && statusCode !== 429) {
        return { type: 'SlackRefused', text: `Slack answered HTTP ${statusCode}` };
      }
      return { type: 'SlackUnavailable', text: `Slack answered HTTP ${statusCode ?? 'nothing'}` };
    default:
      return { type: 'SlackUnavailable', text: original?.message ?? message };
  }
}
