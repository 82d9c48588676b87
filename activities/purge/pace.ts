import { setTimeout as sleep } from 'node:timers/promises';

/** Writes a second that S3 takes for a partitioned prefix (S3 user guide, performance); each key of a bulk delete is one. */
const FULL_RATE = 3_500;
const SLOWEST = 50;
/** Added each second without a SlowDown. */
const GROWTH = FULL_RATE / 20;
/** From here on nothing is held back any more. */
const UNLIMITED = 4 * FULL_RATE;

interface Lane {
  /** Entries a second. */
  rate: number;
  /** When the next batch may go. */
  next: number;
  grownAt: number;
  slowedAt: number;
}

/**
 * Entries a second by bucket and first-level prefix. Unlimited until S3 asks for a slower pace; then it begins at the rate that a prefix has
 * at least, halves with each SlowDown (many at once are one) and grows steadily while there is none.
 */
export class Pace {
  readonly #lanes = new Map<string, Lane>();

  /** Waits until so many entries may go. */
  async take(bucket: string, key: string, entries: number, signal: AbortSignal): Promise<void> {
    const name = laneOf(bucket, key);
    const lane = this.#lanes.get(name);
    if (!lane) return;
    const now = Date.now();
    lane.rate += ((now - lane.grownAt) / 1_000) * GROWTH;
    lane.grownAt = now;
    if (lane.rate > UNLIMITED) {
      this.#lanes.delete(name);
      return;
    }
    const at = Math.max(now, lane.next);
    lane.next = at + (entries / lane.rate) * 1_000;
    if (at > now) await sleep(at - now, undefined, { signal });
  }

  /** S3 answered SlowDown. */
  slow(bucket: string, key: string): void {
    const name = laneOf(bucket, key);
    const now = Date.now();
    const lane = this.#lanes.get(name);
    if (!lane) {
      this.#lanes.set(name, { rate: FULL_RATE, next: now + 1_000, grownAt: now, slowedAt: now });
    } else if (now - lane.slowedAt >= 1_000) {
      lane.rate = Math.max(SLOWEST, lane.rate / 2);
      lane.slowedAt = now;
      lane.grownAt = now;
      lane.next = Math.max(lane.next, now + 1_000);
    }
  }

  /** Entries a second that are allowed now; undefined: any number. */
  rate(bucket: string, key: string): number | undefined {
    return this.#lanes.get(laneOf(bucket, key))?.rate;
  }
}

const laneOf = (bucket: string, key: string) => `${bucket}/${key.slice(0, key.indexOf('/') + 1)}`;

/** S3 counts what a process sends, whichever purge sends it. */
export const sharedPace = new Pace();
