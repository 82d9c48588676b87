import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { durationMs } from '../contracts/duration.js';
import { type About, fail, isFailure, toFailure } from './errors.js';

/** How far apart the first looks are; each is twice the one before, up to a second. */
const FIRST_MS = 50;
const SECOND = 1_000;

/**
 * Milliseconds until the next look at remote work: a tenth of the time already waited, so that a wait of any length is noticed late by
 * a tenth at most, and not above `poll`. The first looks are closer: work that was done in an instant is seen in an instant. A clock that
 * differs from the server's, or is set, makes looks closer or rarer within these limits.
 */
export function nextLook(
  poll: string,
  info: { scheduledTimestampMs: number; attempt: number } = activityInfo(),
): number {
  const elapsed = Math.max(0, Date.now() - info.scheduledTimestampMs);
  const least = Math.min(SECOND, FIRST_MS * 2 ** Math.min(info.attempt - 1, 10));
  return Math.round(Math.min(durationMs(poll), Math.max(least, elapsed * 0.1)));
}

/** The wait isn't over: the server tries again after `delayMs`; the message is what the Temporal UI shows meanwhile. */
export const inProgress = (status: string, delayMs: number): ApplicationFailure =>
  fail('InProgress', status, { nextRetryDelay: Math.max(1, Math.round(delayMs)) });

/**
 * Runs one look of a wait. Errors become failures; those that pass are retried no sooner than the next look would come, as the
 * profile of a wait has no growing interval of its own.
 */
export async function look<T>(about: About, delayMs: number, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const failure = toFailure(error, about);
    if (!(failure instanceof ApplicationFailure) || failure.nonRetryable || failure.nextRetryDelay != null)
      throw failure;
    throw ApplicationFailure.create({
      type: failure.type ?? undefined,
      message: failure.message,
      cause: failure.cause,
      nextRetryDelay: Math.max(SECOND, delayMs),
    });
  }
}

/** IAM takes seconds to spread a new role; after this long, and so many tries, what it is refused is a missing right. */
const ROLE_SPREADS_MS = 2 * 60_000;
/** The tries of about a minute and a half (BACKOFF in workflows/profiles.ts): a clock that was set forward is no time that passed. */
const ROLE_TRIES = 8;

/** Runs what needs the execution role: refusals of a role that may still be spreading are retried for two minutes, then permanent. */
export async function whileRoleSpreads<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const { scheduledTimestampMs, attempt } = activityInfo();
    const waited = Date.now() - scheduledTimestampMs;
    if (!isFailure(error, 'RolePropagating') || waited < ROLE_SPREADS_MS || attempt < ROLE_TRIES) throw error;
    throw fail(
      'AccessDenied',
      `${error.message}. It was refused for ${spanInWords(waited)}, so it is no delay of IAM`,
      {
        cause: error.cause,
      },
    );
  }
}

const UNITS: readonly (readonly [number, string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
];

/** A span of time for people, in its largest unit: `12 min`. */
export function spanInWords(ms: number): string {
  const [size, unit] = UNITS.find(([least]) => ms >= least) ?? [1_000, 's'];
  return `${Math.floor(ms / size)} ${unit}`;
}

/** Share of an attempt's time limit after which it changes nothing any more: what is left covers the change itself. */
const SAFE_SHARE = 0.8;

/**
 * Guards a change that may not be made twice. Call it as an attempt begins; what it answers throws once the attempt's time limit is near,
 * as Temporal then starts another attempt, which knows nothing of this one. The failure itself is never seen: the attempt is given up.
 */
export function attemptGuard({ startToCloseTimeoutMs } = activityInfo()): () => void {
  const began = performance.now();
  return () => {
    if (performance.now() - began > startToCloseTimeoutMs * SAFE_SHARE)
      throw fail('ServiceUnavailable', 'This attempt took too long to change anything now: the next one does');
  };
}
