import { ApplicationFailure, type Duration } from '@temporalio/common';
import { FAILURES, type FailureType } from '../../contracts/failures.js';
import { redact } from './redact.js';

export interface FailOptions {
  /** What lies behind it. Its message and stack are kept, without secrets; its other properties are not. */
  readonly cause?: unknown;
  /** When the server tries again, in place of the profile's interval: milliseconds or `2s`. */
  readonly nextRetryDelay?: Duration;
}

/**
 * A failure of one of Perennial's types. Only `transient` and `progress` ones are retried; a `progress` one is benign, so that workers
 * neither log nor count it as an error. The message says what happened, to what, and what to do.
 */
export function fail(type: FailureType, message: string, options: FailOptions = {}): ApplicationFailure {
  const kind = FAILURES[type];
  return ApplicationFailure.create({
    type,
    message: redact(message),
    nonRetryable: kind !== 'transient' && kind !== 'progress',
    ...(options.cause !== undefined && { cause: cleanCause(options.cause) }),
    ...(options.nextRetryDelay !== undefined && { nextRetryDelay: options.nextRetryDelay }),
    ...(kind === 'progress' && { category: 'BENIGN' }),
  });
}

/** A copy fit for history: Temporal stores message and stack of a cause, and both can hold what signed a request. */
function cleanCause(cause: unknown): Error {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const copy = new Error(redact(error.message));
  copy.name = error.name;
  copy.stack = redact(error.stack ?? '');
  return copy;
}

/** Whether an error is a failure of one of these types. */
export const isFailure = (error: unknown, ...types: FailureType[]): error is ApplicationFailure =>
  error instanceof ApplicationFailure && types.some((type) => type === error.type);
