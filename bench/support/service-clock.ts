import { AsyncLocalStorage } from 'node:async_hooks';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';

/**
 * The clock of a Temporal server that skips time, as activities and scripted services see it. Inside an activity `Date.now()` is the
 * server's time; everything else in this process keeps the machine's, which gRPC's deadlines count on.
 */
export class ServiceClock {
  private readonly inActivity = new AsyncLocalStorage<true>();
  private readonly machine = Date.now;
  private aheadMs = 0;

  /** Takes over `Date.now` in activities, until the returned function is called. */
  install(): () => void {
    Date.now = () => (this.inActivity.getStore() ? this.now() : this.machine());
    return () => {
      Date.now = this.machine;
    };
  }

  /** The server's time in epoch milliseconds, as far as the newest attempt of an activity told it. */
  now = (): number => this.machine() + this.aheadMs;

  /** Sets the clock at each attempt to the time for which the server had scheduled it. */
  readonly interceptor: ActivityInterceptorsFactory = ({ info }) => ({
    inbound: {
      execute: (input, next) => {
        this.aheadMs = Math.max(this.aheadMs, info.currentAttemptScheduledTimestampMs - this.machine());
        return this.inActivity.run(true, () => next(input));
      },
    },
  });
}
