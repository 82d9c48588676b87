import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Keeps what is sent for one key apart, so that a crowd of events is not a crowd of signals. An answer is given only when something was
 * sent that serves the caller: a failure reaches everyone who relied on it.
 */
export class Pacing {
  private readonly last = new Map<
    string,
    { readonly until: number; readonly sent: Promise<void>; next?: Promise<void> }
  >();

  /** Sends unless something was sent for this key within `ms`: that one serves this caller too. */
  async once(key: string, ms: number, send: () => Promise<void>): Promise<void> {
    const before = this.last.get(key);
    return before && Date.now() < before.until ? before.sent : this.start(key, ms, send);
  }

  /** Sends now, or at the end of `ms` after the last one, then once for all who came meanwhile. */
  async spaced(key: string, ms: number, send: () => Promise<void>): Promise<void> {
    const before = this.last.get(key);
    if (!before || Date.now() >= before.until) return this.start(key, ms, send);
    before.next ??= sleep(before.until - Date.now()).then(() => this.start(key, ms, send));
    return before.next;
  }

  private start(key: string, ms: number, send: () => Promise<void>): Promise<void> {
    const sent = send();
    // Counted from before it was sent: who comes later than `ms` after that is not served by it.
    this.last.set(key, { until: Date.now() + ms, sent });
    sent.catch(() => this.last.delete(key));
    return sent;
  }
}
