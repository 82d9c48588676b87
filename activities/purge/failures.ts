import { Context } from '@temporalio/activity';
import type { TemporalFailure } from '@temporalio/common';
import { type About, isFailure, toFailure } from '../errors.js';

/** Types that a later try may not meet again. */
export const isPassing = (error: unknown): boolean =>
  isFailure(error, 'Throttled', 'ServiceUnavailable', 'NetworkError');

/**
 * A call to S3 whose failure enters history: the service's own words may name a key (AccessDenied names the ARN), so of an error nothing
 * passes but its code and the IAM action it names. `about` must name the bucket alone.
 */
export async function quietly<T>(about: About, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    await throwIfCancelled();
    throw quietFailure(error, about);
  }
}

/** The failure for an error about a key, without the key. */
export function quietFailure(error: unknown, about: About): TemporalFailure {
  return toFailure(isFailureOfOurs(error) ? error : withoutWords(error), about);
}

/** A cancelled call ends as an aborted one; the activity ends as cancelled. */
export async function throwIfCancelled(): Promise<void> {
  const { cancellationSignal, cancelled } = Context.current();
  if (cancellationSignal.aborted) await cancelled;
}

/** Whether somebody cancelled the purge. Whatever else ends an activity, such as a worker's shutdown, wants another try of it. */
export const isCancelledByRequest = (): boolean => Context.current().cancellationDetails?.cancelRequested === true;

const isFailureOfOurs = (error: unknown) => error instanceof Error && 'nonRetryable' in error;

/** A stand-in with the code, status and missing right of an error, without its text, stack and other properties. */
function withoutWords(error: unknown): Error {
  const { name, code, message, $metadata, $retryable } = (error ?? {}) as Record<string, unknown>;
  const action = /not authorized to perform:? ([a-z0-9-]+:\w+)/i.exec(String(message))?.[1];
  const stand = new Error(action ? `not authorized to perform: ${action}` : 'UnknownError');
  const status = ($metadata as { httpStatusCode?: number } | undefined)?.httpStatusCode;
  stand.name = word(name);
  stand.stack = '';
  return Object.assign(stand, {
    ...(typeof code === 'string' && { code: word(code) }),
    ...(status !== undefined && { $metadata: { httpStatusCode: status } }),
    ...($retryable !== undefined && { $retryable }),
  });
}

/** A code as services give it; anything else could be text. */
const word = (name: unknown) => (typeof name === 'string' && /^[\w.]{1,80}$/.test(name) ? name : 'UnknownError');
