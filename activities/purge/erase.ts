import { setMaxListeners } from 'node:events';
import { Context } from '@temporalio/activity';
import pLimit from 'p-limit';
import type { S3Client } from '@aws-sdk/client-s3';
import type { ErasedLeg, PurgeWork } from '../../contracts/purge/index.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { Blocks, LISTED_STILL } from './blocks.js';
import { BucketEraser } from './bucket.js';
import { lockOf } from './buckets.js';
import { choose, isLater } from './choose.js';
import { isCancelledByRequest } from './failures.js';
import { groupsOf } from './groups.js';
import { HashObjects } from './hash-objects.js';
import { sharedPace } from './pace.js';
import { forEachOf } from './streams.js';
import { survey, type Survey } from './survey.js';
import { Tries } from './tries.js';
import type { Tally } from './tally.js';
import { isObject, type Target } from './targets.js';
import { abort, Uploads } from './uploads.js';

export interface EraseLimits {
  /** Milliseconds after which a leg ends, done or not. */
  readonly leg: number;
  /** Milliseconds without progress (SlowDown, outages) after which it fails. */
  readonly patience: number;
}

/** Targets that are listed at once, and batches that are deleted at once: each batch is memory (docs/benchmarks.md, purge-memory). */
const LISTINGS = 16;
const BATCHES = 8;
/** Passes in a row that find as much as the one before: what S3 then says of deleted entries is not so. */
const IDLE_PASSES = 3;

/** A delete that is under way when the purge is cancelled may end for so long, so that what it did is counted. */
const CALL_ENDS_MS = 5_000;

type Leg = PurgeWork & { readonly leg: number };

/** One leg of an erasure: passes over the targets until one finds nothing that could be erased. */
export class Erasure {
  readonly #blocks = new Blocks();
  readonly #buckets = new Map<string, BucketEraser>();
  readonly #tries: Tries;
  readonly #uploads: Uploads;
  readonly #calls: AbortSignal;
  readonly #signal = Context.current().cancellationSignal;
  readonly #started = Date.now();
  readonly #over: () => boolean;
  /** Places (by index) that are looked at again in the next pass: for what was listed, and for uploads that were aborted. */
  #again = new Set<number>();
  #uploadsAgain = new Set<number>();
  /** Uploads in flight that began since the purge did, and were aborted in this pass. */
  #laterAborted = 0;

  private constructor(
    readonly s3: S3Client,
    readonly leg: Leg,
    readonly tally: Tally,
    hashes: KeyedHashes,
    readonly seen: Survey,
    limits: EraseLimits,
  ) {
    const { settings, list } = seen;
    const limit = pLimit(BATCHES);
    this.#tries = new Tries(tally);
    // Until everything was listed once, it is not known what earlier tries erased.
    this.#over = () => this.#signal.aborted || (Date.now() - this.#started > limits.leg && !this.#tries.areOpen);
    const calls = (this.#calls = afterwards(this.#signal, CALL_ENDS_MS));
    this.#uploads = new Uploads(s3, list.common, this.#signal);
    for (const one of settings.values()) {
      const { bucket } = one;
      let lock: Promise<boolean> | undefined;
      const objectLock = () => (lock ??= lockOf(s3, bucket, this.#signal).then((found) => found !== undefined));
      const deletion = {
        ...{ s3, bucket, objectLock, signal: this.#signal, calls, pace: sharedPace, patience: limits.patience },
        bypassGovernance: leg.options.bypassGovernance === true,
      };
      const hashObjects = new HashObjects(s3, leg, bucket, this.#signal);
      const eraser = new BucketEraser({
        settings: one,
        startedAt: leg.ref.startedAt,
        deletion,
        hashes,
        hashObjects,
        tally,
        blocks: this.#blocks,
        limit,
        over: this.#over,
      });
      this.#buckets.set(bucket, eraser);
    }
  }

  static async run(
    s3: S3Client,
    leg: Leg,
    { tally, hashes, limits }: { tally: Tally; hashes: KeyedHashes; limits: EraseLimits },
  ): Promise<ErasedLeg> {
    const seen = await survey(s3, leg, async () => hashes, Context.current().cancellationSignal);
    const erasure = new Erasure(s3, leg, tally, hashes, seen, limits);
    try {
      await erasure.#tries.recall(erasure.#buckets.values());
      return await erasure.#passes();
    } catch (error) {
      if (!isCancelledByRequest()) throw error;
      // What was erased until then is to stand in the record.
      for (const bucket of erasure.#buckets.values()) await bucket.stopped();
      return erasure.#answer(false);
    }
  }

  async #passes(): Promise<ErasedLeg> {
    let before = this.tally.mark();
    let most = Infinity;
    for (let idle = 0, number = 1; ; number += 1) {
      const start = this.tally.mark();
      const from = this.tally.entries;
      const changed = await this.#pass(number);
      this.#signal.throwIfAborted();
      // Who uploads without end keeps no leg going, and proves no answer of S3 wrong: that is the new listing's to tell.
      const found = this.tally.entries - from - (number === 1 ? 0 : this.#later);
      const finished = found === 0 && !changed;
      if (finished || this.#over()) {
        await this.#tries.check();
        return this.#answer(finished && !this.#over());
      }
      idle = found >= most ? idle + 1 : 0;
      if (idle === 0) before = start;
      most = found;
      if (idle === IDLE_PASSES) return this.#disbelieve(before);
    }
  }

  /** Uploads since the purge began, of what is gone in this pass. */
  get #later(): number {
    return [...this.#buckets.values()].reduce((sum, { later }) => sum + later, this.#laterAborted);
  }

  /** One pass over the targets; answers whether one of them changed meanwhile. */
  async #pass(number: number): Promise<boolean> {
    const [again, uploadsAgain] = [this.#again, this.#uploadsAgain];
    const changed = [...this.#buckets.values()].some((bucket) => bucket.changed > 0);
    this.#again = new Set();
    this.#uploadsAgain = new Set();
    this.#laterAborted = 0;
    this.#blocks.clear();
    this.#uploads.renew();
    for (const bucket of this.#buckets.values()) bucket.renew();
    await forEachOf(this.#places(number), LISTINGS, async ({ place, last }, index) => {
      if (this.#over()) return;
      if (number === 1 || uploadsAgain.has(index)) await this.#abortUploads(place, index);
      if (number === 1 || changed || again.has(index) || uploadsAgain.has(index)) await this.#erase(place, index);
      if (last && number === 1) this.tally.targets += 1;
    });
    if (number === 1 && !this.#signal.aborted) this.#tries.listed = true;
    for (const bucket of this.#buckets.values()) await bucket.finish();
    return [...this.#buckets.values()].some((bucket) => bucket.changed > 0);
  }

  /** Each place once, and whether it is the last of its target. */
  async *#places(pass: number): AsyncGenerator<{ readonly place: Target; readonly last: boolean }> {
    for await (const { own } of this.seen.list.places()) {
      // Looked at with another target.
      if (own.length === 0 && pass === 1) this.tally.targets += 1;
      yield* own.map((place, index) => ({ place, last: index === own.length - 1 }));
    }
  }

  async #erase(place: Target, index: number): Promise<void> {
    const bucket = this.#buckets.get(place.bucket);
    const listing = { s3: this.s3, signal: this.#signal, onPage: () => (this.tally.pages += 1) };
    for await (const group of groupsOf(listing, place)) {
      if (this.#over()) return;
      const chosen = choose(group, this.leg);
      // A single key's listing held all of it; it is looked at again only if it changed, and by the verification.
      if (!isObject(place) && chosen.versions.length + chosen.markers.length > 0) this.#again.add(index);
      await bucket?.add(group, chosen);
    }
  }

  async #abortUploads(place: Target, index: number): Promise<void> {
    const { ref, options } = this.leg;
    for await (const upload of this.#uploads.of(place)) {
      this.#signal.throwIfAborted();
      const later = isLater(upload.initiated, ref.startedAt);
      if (later && options.uploads !== 'purge') continue;
      if (await abort(this.s3, place.bucket, upload, this.#calls)) {
        this.tally.uploads += 1;
        if (later) this.#laterAborted += 1;
        this.#uploadsAgain.add(index);
      } else this.#blocks.add(place.bucket, { by: 'access denied', detail: 's3:AbortMultipartUpload' });
    }
  }

  /** S3 confirms what it doesn't do: nothing that it confirmed since counts. */
  #disbelieve(before: ReturnType<Tally['mark']>): ErasedLeg {
    this.tally.restore(before);
    this.#tries.disbelieve();
    for (const [bucket, { gone, later }] of this.#buckets)
      if (gone > later) this.#blocks.add(bucket, { by: 'error', detail: LISTED_STILL }, gone - later);
    return this.#answer(true);
  }

  #answer(done: boolean): ErasedLeg {
    return {
      ...this.#tries.answer(),
      done,
      blocked: this.#blocks.list(),
      seconds: (Date.now() - this.#started) / 1_000,
    };
  }
}

/** Is aborted so long after another signal. */
function afterwards(signal: AbortSignal, ms: number): AbortSignal {
  const later = new AbortController();
  // Each call under way listens to it.
  setMaxListeners(0, later.signal);
  signal.addEventListener('abort', () => setTimeout(() => later.abort(signal.reason), ms).unref(), { once: true });
  return later.signal;
}
