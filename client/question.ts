import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { Interrupted } from './interrupt.js';
import { silenceOf } from './silence.js';

/** The longest that a worker which has begun gets to end. */
const GRACE_MS = 5_000;
/** PendingActivityState of Temporal's API. */
const STARTED = 2;
/** After so long without an answer a person wants to know what it waits for. */
const QUIET_MS = 5_000;

/** Waits for the answer to a question. Says once what it waits for, if that takes long. */
export async function answerOf<T>(
  handle: WorkflowHandle,
  taskQueue: string,
  note: ((text: string) => void) | undefined,
): Promise<T> {
  const answer = handle.result() as Promise<T>;
  if (!note) return answer;
  const timer = setTimeout(() => {
    handle.describe().then(
      (described) => {
        const silence = silenceOf(described, taskQueue);
        if (silence) note(silence);
      },
      () => undefined,
    );
  }, QUIET_MS);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The answer, unless an interrupt comes first: then the question is withdrawn, so that no worker writes an answer that nobody takes away. One
 * that has begun gets a moment to end.
 * @param goesOn whether a worker that has begun must not be stopped half-way
 */
export async function unlessInterrupted<T>(
  handle: WorkflowHandle,
  answer: Promise<T>,
  interrupt: AbortSignal,
  goesOn: boolean,
): Promise<T> {
  let cut: () => void = () => undefined;
  const interrupted = new Promise<'interrupted'>((resolve) => {
    cut = () => resolve('interrupted');
    if (interrupt.aborted) cut();
    else interrupt.addEventListener('abort', cut, { once: true });
  });
  try {
    const first = await Promise.race([answer, interrupted]);
    if (!interrupt.aborted) return first as T;
  } finally {
    interrupt.removeEventListener('abort', cut);
  }
  if (!(await hasBegun(handle))) {
    await handle.terminate('interrupted').catch(() => undefined);
    throw interrupt.reason;
  }
  const ended = answer.then(
    () => true,
    () => true,
  );
  if (await Promise.race([ended, sleep(GRACE_MS, false)])) throw interrupt.reason;
  if (goesOn) throw new Interrupted('interrupted; the worker has begun and goes on', true);
  await handle.terminate('interrupted').catch(() => undefined);
  throw new Interrupted(
    'interrupted; the worker had begun, and may still write its answer: the lifecycle rule of docs/operations.md for _perennial/exchange/ removes that',
  );
}

/** Whether a worker has the work in hand, or has done a part. What is not known counts as begun. */
async function hasBegun(handle: WorkflowHandle): Promise<boolean> {
  try {
    const { raw, historyLength } = await handle.describe();
    const pending = raw.pendingActivities ?? [];
    // Started, its first task scheduled, started, completed, and an activity scheduled: five events.
    return historyLength > 5 || pending.some(({ state, attempt }) => state === STARTED || (attempt ?? 1) > 1);
  } catch {
    return true;
  }
}
