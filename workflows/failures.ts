import { RetryState } from '@temporalio/common';
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ChildWorkflowFailure,
  TimeoutFailure,
  isCancellation,
} from '@temporalio/workflow';
import { isFailureType, type FailureType } from '../contracts/failures.js';

export interface Cause {
  readonly cancelled: boolean;
  readonly type?: FailureType;
  /** For people: the innermost message, which names the resource and what to do. */
  readonly message: string;
}

/** What lies under the wrappers that Temporal puts around a failure. */
export function causeOf(error: unknown): Cause {
  // An attempt that fails while a cancel waits for its answer isn't tried again, and comes back as its own failure.
  const cutOff = error instanceof ActivityFailure && error.retryState === RetryState.CANCEL_REQUESTED;
  if (isCancellation(error) || cutOff) return { cancelled: true, message: 'cancelled on request' };
  if (error instanceof ActivityFailure || error instanceof ChildWorkflowFailure) {
    if (error.cause instanceof ApplicationFailure && error.cause.type === 'InProgress') {
      // A wait whose time ran out ends with the last look at what it waited for.
      return { cancelled: false, type: 'WaitTimedOut', message: `gave up waiting; last seen: ${error.cause.message}` };
    }
    if (error.cause instanceof TimeoutFailure && error instanceof ActivityFailure) {
      return {
        cancelled: false,
        type: 'WaitTimedOut',
        message: `activity ${error.activityType} got no answer in time (${error.cause.timeoutType}); is a worker running, and does it reach what that activity needs?`,
      };
    }
    if (error.cause) return causeOf(error.cause);
  }
  if (error instanceof ApplicationFailure) {
    return {
      cancelled: false,
      ...(isFailureType(error.type) ? { type: error.type } : {}),
      message: error.message,
    };
  }
  return { cancelled: false, message: error instanceof Error ? error.message : String(error) };
}

/** Ends what goes on although a cancel was asked for: an activity whose answer was waited for came back well all the same. */
export function heedCancel(): void {
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('cancelled on request');
}

/** A failure that ends the workflow red in the UI. */
export function failure(type: FailureType, message: string, cause?: unknown): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable: true,
    ...(cause instanceof Error ? { cause } : {}),
  });
}
