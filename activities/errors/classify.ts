import { ApplicationFailure, CancelledFailure, type TemporalFailure } from '@temporalio/common';
import { advice } from './advice.js';
import { classifyAws } from './aws.js';
import { fail, type FailOptions } from './fail.js';
import { isLedger, classifyPostgres } from './postgres.js';
import { classifySlack } from './slack.js';
import { type About, fields, type Verdict } from './verdict.js';

/** Errors of the socket and of name resolution (`code` of Node's errors). */
const NETWORK =
  /^(ECONN(REFUSED|RESET|ABORTED)|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EPROTO|ERR_(TLS|SSL|SOCKET|STREAM)\w*|UND_ERR_\w+|CERT_\w+)$/;
const TIMEOUT = /^(TimeoutError|AbortError|RequestTimeout|RequestTimeoutException|RequestAbortedError)$/;

/**
 * Turns any error into a failure of one of Perennial's types. Failures and cancellation pass through as they are.
 *
 * An error nobody foresaw becomes ServiceUnavailable, named in the message: it is retried as often as the activity's profile allows
 * and then ends the run, so that a passing fault costs no run and a lasting one isn't retried for ever. A refused request (4xx) that
 * has no rule is InvalidRequest.
 */
export function toFailure(error: unknown, about: About): TemporalFailure {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  const verdict = classify(error, about);
  const options: FailOptions = {
    cause: error,
    ...(verdict.retryAfter !== undefined && { nextRetryDelay: verdict.retryAfter * 1_000 }),
  };
  const missing = verdict.type === 'ResourceMissing' ? about.missing : undefined;
  const fix = verdict.fix ?? missing ?? advice(verdict.type, verdict.permission ?? permissionOf(about));
  const said = verdict.text.trim().replace(/[.\s]+$/, '');
  return fail(verdict.type, `${about.resource}: ${about.action} failed: ${said}. ${fix}`, options);
}

/** Runs a call to another service; what it throws is thrown as a failure. */
export async function withFailures<T>(about: About, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw toFailure(error, about);
  }
}

function classify(error: unknown, about: About): Verdict {
  const found =
    classifySlack(error) ?? classifyPostgres(error) ?? classifyAws(error, about) ?? classifyNetwork(error, about);
  if (found) return found;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { type: 'ServiceUnavailable', text: `unexpected error, ${text}` };
}

function classifyNetwork(error: unknown, about: About): Verdict | undefined {
  const { code, name, message } = fields(error);
  if (!NETWORK.test(code) && !TIMEOUT.test(name) && !/socket hang up|network|timed? ?out/i.test(message))
    return undefined;
  const text = message === '' ? code || name : message;
  return { type: isLedger(error, about) ? 'LedgerUnavailable' : 'NetworkError', text };
}

function permissionOf({ action, permission }: About): string | undefined {
  if (permission !== undefined) return permission;
  if (/^[a-z0-9-]+:\w+$/.test(action)) return action;
  return /^[A-Z][A-Za-z]+$/.test(action) ? `sagemaker:${action}` : undefined;
}
