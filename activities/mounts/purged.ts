import type { S3Client } from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import {
  isHash,
  LIFTED_PREFIX,
  linesOf,
  listHead,
  listStones,
  otherKey,
  plainPrefixes,
  type Stone,
} from '../data/tombstones.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import type { ObjectName } from './objects.js';

/** How old what is known of tombstones may be: one list a bucket in that time serves all events. */
export const AGE_MS = 3_000;
/** Lists of hashes read at the same time. */
const READERS = 4;
/** How often tombstones are listed anew as a purge ends meanwhile. */
const MOST_LISTINGS = 5;
/** Characters of a hash's base64url that are its first eight bytes. */
const SHORT = 11;

/** The request that erased a key, unless it was lifted: it has no place on a mount then. */
export type PurgedBy = (object: ObjectName, since?: number) => Promise<string | undefined>;

interface Clients {
  readonly s3: S3Client;
  readonly hashes: () => Promise<KeyedHashes>;
  readonly ageMs?: number;
}

/**
 * Tells purged keys, for whoever looks at key after key: one LIST for each AGE_MS and bucket, and each list of hashes read once. `since`, on the clock of
 * `performance`: tombstones listed earlier don't do.
 * @throws what keeps from telling: the caller must not copy then
 */
export function purgedKeys({ s3, hashes, ageMs = AGE_MS }: Clients): PurgedBy {
  const buckets = new Map<string, BucketStones>();
  return async ({ bucket, key }, since) => {
    let stones = buckets.get(bucket);
    if (!stones) buckets.set(bucket, (stones = new BucketStones(s3, hashes, bucket, ageMs)));
    return (await stones.current(since))(key);
  };
}

type Judge = (key: string) => string | undefined;

class BucketStones {
  private view: { readonly judge: Promise<Judge>; readonly at: number; pending: boolean } | undefined;
  /** Sorted beginnings of hashes by the ETag and key of their list. Eight bytes each, as there may be millions. */
  private known = new Map<string, BigUint64Array>();

  constructor(
    private readonly s3: S3Client,
    private readonly hashes: () => Promise<KeyedHashes>,
    private readonly bucket: string,
    private readonly ageMs: number,
  ) {}

  async current(since = -Infinity): Promise<Judge> {
    const { view } = this;
    if (view?.pending && view.at >= since) return view.judge;
    if (view && !view.pending && view.at >= since && performance.now() < view.at + this.ageMs) return view.judge;
    // Begun too early: the next begins after it, and serves all who wait.
    await (view?.pending && view.judge.catch(() => undefined));
    if (this.view !== view) return this.current(since);
    return this.refresh();
  }

  private refresh(): Promise<Judge> {
    const judge = this.read();
    const view = { judge, at: performance.now(), pending: true };
    this.view = view;
    judge.then(
      () => (view.pending = false),
      () => {
        if (this.view === view) this.view = undefined;
      },
    );
    return judge;
  }

  private async read(): Promise<Judge> {
    for (let listing = 1; ; listing += 1) {
      const stones = await listStones(this.s3, this.bucket);
      // Nothing was ever purged here.
      if (stones.length === 0) return () => undefined;
      const keyed = await this.hashes();
      const lists = await this.lists(stones, keyed);
      const plain = await plainPrefixes(this.s3, this.bucket, stones);
      // A purge ended: what holds from then on is in lists that were not there yet.
      if (plain || listing === MOST_LISTINGS) return this.judge(keyed, lists, plain ?? []);
    }
  }

  private async lists(stones: readonly Stone[], keyed: KeyedHashes) {
    const known = new Map<string, BigUint64Array>();
    const texts = stones.filter(({ key }) => key.endsWith('.txt'));
    const read = await pLimit(READERS).map(texts, async (stone) => {
      const name = `${stone.etag} ${stone.key}`;
      const hashes = this.known.get(name) ?? (await this.hashesOf(stone, listHead(keyed)));
      known.set(name, hashes);
      return { stone, hashes, lifts: stone.key.startsWith(LIFTED_PREFIX) };
    });
    this.known = known;
    return read;
  }

  private async hashesOf({ key, size }: Stone, head: string): Promise<BigUint64Array> {
    // A hash and its line end are 44 bytes.
    const hashes = new BigUint64Array(Math.ceil(size / 44) + 1);
    let count = 0;
    for await (const line of linesOf(this.s3, this.bucket, key)) {
      if (line.startsWith('#') && line !== head) throw otherKey(this.bucket, key);
      if (isHash(line) && count < hashes.length) hashes[count++] = beginning(line);
    }
    return hashes.slice(0, count).sort();
  }

  private judge(
    keyed: KeyedHashes,
    lists: readonly { readonly stone: Stone; readonly hashes: BigUint64Array; readonly lifts: boolean }[],
    plain: readonly { readonly prefix: string; readonly request: string }[],
  ): Judge {
    return (key) => {
      const hash = beginning(keyed.object(this.bucket, key));
      let newest: Stone | undefined;
      let lifted = 0;
      for (const { stone, hashes, lifts } of lists) {
        if (!has(hashes, hash)) continue;
        if (lifts) lifted = Math.max(lifted, stone.modified);
        else if (stone.modified >= (newest?.modified ?? 0)) newest = stone;
      }
      if (newest && newest.modified >= lifted) return newest.request;
      return plain.find(({ prefix }) => key.startsWith(prefix))?.request;
    };
  }
}

const beginning = (hash: string): bigint => {
  const bytes = Buffer.alloc(8);
  bytes.write(hash.slice(0, SHORT), 'base64url');
  return bytes.readBigUInt64BE();
};

function has(sorted: BigUint64Array, wanted: bigint): boolean {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as bigint) < wanted) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === wanted;
}
