import { setMaxListeners } from 'node:events';
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { Going } from './copy.js';

const EVERY_MS = 1_000;

/**
 * Heartbeats of an activity that works on files: only as its work goes on, so that a mount that hangs is noticed, and counts only, as a
 * heartbeat may enter history. `progress` throws once the activity is cancelled.
 */
export function beating(counts: () => unknown): Going & { progress: () => void; signal: AbortSignal } {
  const signal = cancellationSignal();
  // One for each call under way.
  setMaxListeners(0, signal);
  let last = 0;
  return {
    signal,
    progress() {
      signal.throwIfAborted();
      const now = Date.now();
      if (now - last < EVERY_MS) return;
      last = now;
      heartbeat(counts());
    },
  };
}
