import type { SSMClient } from '@aws-sdk/client-ssm';
import { LogLevel, WebClient } from '@slack/web-api';
import type { NotifyActivities, Notice } from '../../contracts/notices.js';
import { fail } from '../errors.js';
import { message } from './message.js';
import { isTokenRefused, slackFailure } from './refusals.js';
import { createTokens } from './tokens.js';

/** A post takes no longer: a run never waits for Slack. Retries are Temporal's. */
const TIMEOUT_MS = 3_000;

/** What Slack's activities need. `slackApiUrl` is Slack's own without it; without `temporalUiUrl` messages carry no link. */
export interface NotifyOptions {
  readonly ssm: SSMClient;
  readonly slackApiUrl?: string;
  readonly temporalUiUrl?: string;
  readonly namespace: string;
}

/** Activities that tell people. */
export function createNotifyActivities({
  ssm,
  slackApiUrl,
  temporalUiUrl,
  namespace,
}: NotifyOptions): NotifyActivities {
  const tokens = createTokens(ssm);
  const clients = new Map<string, { token: string; client: WebClient }>();

  const clientFor = (parameter: string, token: string) => {
    const known = clients.get(parameter);
    if (known?.token === token) return known.client;
    const client = new WebClient(token, {
      ...(slackApiUrl !== undefined && { slackApiUrl }),
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      timeout: TIMEOUT_MS,
      logLevel: LogLevel.ERROR,
    });
    clients.set(parameter, { token, client });
    return client;
  };

  return {
    async notifySlack({ slack: { channel, tokenParameter }, notice, threadTs }) {
      const content = {
        channel,
        ...message(notice, linkTo(temporalUiUrl, namespace, notice)),
        unfurl_links: false,
        unfurl_media: false,
      };
      const post = (token: string) => {
        const { chat } = clientFor(tokenParameter, token);
        if (threadTs === undefined) return chat.postMessage(content);
        // The end of a run is also shown in the channel, beside its thread.
        return chat.postMessage({ ...content, thread_ts: threadTs, reply_broadcast: notice.kind === 'ended' });
      };
      try {
        const { ts } = await post(await tokens.get(tokenParameter)).catch(async (error: unknown) => {
          if (!isTokenRefused(error)) throw error;
          const renewed = await tokens.renewed(tokenParameter);
          if (renewed === undefined) throw error;
          return post(renewed);
        });
        if (ts === undefined)
          throw fail('SlackRefused', 'Slack took the message but named no timestamp: check SLACK_API_URL');
        return { ts };
      } catch (error) {
        throw slackFailure(error, channel, tokenParameter);
      }
    },
  };
}

function linkTo(ui: string | undefined, namespace: string, { ref, temporalRunId }: Notice): string | undefined {
  if (ui === undefined) return undefined;
  const path = ['namespaces', namespace, 'workflows', ref.run, temporalRunId, 'history']
    .map(encodeURIComponent)
    .join('/');
  return `${ui.replace(/\/+$/, '')}/${path}`;
}
