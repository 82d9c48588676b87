import { TrafficRouting } from './routing.js';

/** What of an endpoint lives in this process only. */
export interface Live {
  readonly routing: TrafficRouting;
  /** It has been in service and is not being deleted: invocations may come, or wait for its fleet. */
  serving: boolean;
  /** The change under way, one at a time. */
  work: Promise<void>;
  /** Bringing a fleet back after a restart: no further attempt, and the one under way ends too. */
  noMoreAttempts: AbortController;
  abandoned: AbortController;
}

/** An endpoint that nothing serves yet. */
export function newLive(): Live {
  return {
    routing: new TrafficRouting(),
    serving: false,
    work: Promise.resolve(),
    noMoreAttempts: new AbortController(),
    abandoned: new AbortController(),
  };
}
