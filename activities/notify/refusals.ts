import { WebAPIPlatformError } from '@slack/web-api';
import { fail, toFailure } from '../errors.js';

const TOKEN_ERRORS = new Set(['invalid_auth', 'not_authed', 'token_revoked', 'token_expired', 'account_inactive']);

/** What to do about the answers that a person can do something about (Slack: chat.postMessage, errors). */
const REMEDIES: Readonly<Record<string, string>> = {
  not_in_channel: 'invite the bot to the channel: /invite @<bot>',
  channel_not_found: 'check notify.slack.channel, and invite the bot if the channel is private',
  is_archived: 'unarchive the channel, or name another in notify.slack.channel',
  missing_scope: 'give the Slack app the scope chat:write and install it again',
  restricted_action: 'ask a workspace admin to let the bot post in the channel',
};

/** Whether Slack refused the token, so that another one may do. */
export const isTokenRefused = (error: unknown): boolean =>
  error instanceof WebAPIPlatformError && TOKEN_ERRORS.has(error.data.error);

/** A failed post as SlackRefused, if a person must act, or SlackUnavailable, if time may help. */
export function slackFailure(error: unknown, channel: string, tokenParameter: string) {
  if (error instanceof WebAPIPlatformError) {
    const code = error.data.error;
    const remedy = isTokenRefused(error)
      ? `put a valid bot token into SSM parameter ${tokenParameter}`
      : REMEDIES[code];
    if (remedy !== undefined) {
      return fail('SlackRefused', `Slack refused the message to channel ${channel} with ${code}: ${remedy}`);
    }
  }
  return toFailure(error, { resource: `Slack channel ${channel}`, action: 'chat.postMessage' });
}
