import { Context } from '@temporalio/activity';
import type { ErasedLeg } from '../../contracts/purge/index.js';
import type { EraseHeartbeat } from '../../contracts/purge/process.js';
import type { BucketEraser } from './bucket.js';
import { plus } from './earlier.js';
import { atLeast, summed, type Counts, type Tally } from './tally.js';

/** What this try and the ones before it erased in all: by the notes of their windows, and where these can't tell, by the last heartbeat. */
export class Tries {
  /** Whether this try has listed everything. */
  listed = false;
  readonly #info = Context.current().info;
  readonly #beat = this.#info.heartbeatDetails as EraseHeartbeat | undefined;
  #buckets: readonly BucketEraser[] = [];
  #exact: boolean;

  constructor(readonly tally: Tally) {
    // Nothing is put down of uploads that were aborted: the heartbeat may lag behind.
    this.#exact = (this.#beat?.uploads ?? 0) === 0;
  }

  /** Reads what earlier tries put down; the first try has none. */
  async recall(buckets: Iterable<BucketEraser>): Promise<void> {
    if (this.#info.attempt <= 1) return;
    this.#buckets = [...buckets];
    for (const bucket of this.#buckets) bucket.earlier = await bucket.work.hashObjects.earlier();
    this.tally.base = atLeast(this.#sum('settled'), this.#beat);
  }

  /** Whether something is counted that may still be listed. */
  get areOpen(): boolean {
    return !this.listed && this.#buckets.some(({ earlier }) => earlier?.any);
  }

  /** Whether a try that was given up has gone on meanwhile: what it erased is not known. */
  async check(): Promise<void> {
    for (const { earlier, work } of this.#buckets)
      if (earlier?.isBehind(await work.hashObjects.names())) this.#exact = false;
  }

  /** S3 confirmed what it did not do: what it confirmed before is as little to be believed. */
  disbelieve(): void {
    if (this.#buckets.length === 0) return;
    this.#buckets = [];
    this.#exact = false;
  }

  answer(): Counts & Pick<ErasedLeg, 'atLeast'> {
    if (this.#info.attempt <= 1) return this.tally.mark();
    const exact = this.#exact && !this.areOpen && this.#buckets.every(({ earlier }) => earlier?.exact);
    const earlier = this.#sum(this.areOpen ? 'settled' : 'gone');
    return exact
      ? summed(this.tally.mark(), earlier)
      : {
          ...summed(this.tally.mark(), this.#buckets.length > 0 ? atLeast(earlier, this.#beat) : earlier),
          atLeast: true,
        };
  }

  #sum(of: 'settled' | 'gone'): Counts {
    const sum = { versions: 0, markers: 0, uploads: 0, bytes: 0, keys: 0 };
    for (const { earlier } of this.#buckets) if (earlier) plus(sum, earlier[of]);
    return sum;
  }
}
