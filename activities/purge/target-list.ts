import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { Digests } from '../../contracts/purge/digests.js';
import type { PurgeWork } from '../../contracts/purge/index.js';
import type { Storage } from '../../contracts/storage/index.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { Bits, Prefixes } from './overlaps.js';
import { copiesOf, exchanged, isObject, readTargets, saltedHash, type Pin, type Target } from './targets.js';

/** A target with its declared copies, and itself first among them. */
export interface Placed {
  readonly target: Target;
  readonly places: readonly Target[];
  /** Those that no other target of the list brings too, or holds: over all targets each place, and each object, comes once. */
  readonly own: readonly Target[];
}

/** Which list, and the rules by which copies are found. `targetsHash`: only if it is this one. */
export interface ListWork extends Pick<PurgeWork, 'targetsUri' | 'targetsHash'> {
  readonly storage: Pick<Storage, 'copies'>;
}

/** SHA-256 in hex; keyed hashes are shorter. */
const PLAIN = /^[0-9a-f]{64}$/;
/** A list of at most so many targets is kept when it was read. */
const KEPT = 1_000;
/** Lines between two signs of life. */
const ALIVE_EVERY = 5_000;

/**
 * A list of targets that was read once: what it names, each target once however often it stands there. It is read again for its targets unless
 * it is short, and must still be the same object then. Memory is bounded: of its keys it holds digests while it is read the first time, and
 * then a bit each.
 */
export class TargetList {
  readonly #prefixes = new Prefixes();
  /** Targets that stand there a second time, by number; and places that an earlier target brought. */
  readonly #repeated = { targets: new Bits(), places: new Bits() };
  readonly #pin: Pin = {};
  #kept: Target[] | undefined = [];
  readonly counts = { objects: 0, prefixes: 0 };
  /** They are few enough to hold. */
  readonly values = new Set<string>();
  readonly buckets = new Set<string>();
  /** By bucket: what the keys of its single-object targets have in common at their beginning. */
  readonly common = new Map<string, string>();
  /** SHA-256 of all lines. It is for this process alone: few targets could be guessed by it. */
  #hash = '';

  private constructor(
    private readonly s3: S3Client,
    private readonly work: ListWork,
  ) {}

  /**
   * @param hashes asked for only where the list's keyed hash is known
   * @param alive called now and then; may throw to end it
   * @throws InvalidRequest with the faults of all lines; RecordConflict if it is another list than the one whose hash is known
   */
  static async read(
    s3: S3Client,
    work: ListWork,
    hashes: () => Promise<KeyedHashes>,
    alive: () => void = () => undefined,
  ): Promise<TargetList> {
    const list = new TargetList(s3, work);
    await list.#read(alive);
    if (work.targetsHash !== undefined && !(await list.#is(work.targetsHash, hashes))) throw exchanged(work.targetsUri);
    return list;
  }

  /** What stands for the list in histories, the chain and certificates. */
  keyedHash(hashes: KeyedHashes): string {
    return hashes.list(this.#hash);
  }

  /** By its keyed hash; by the salted one of whoever wrote it; or by the plain one that purges of before have. */
  async #is(hash: string, hashes: () => Promise<KeyedHashes>): Promise<boolean> {
    if (!PLAIN.test(hash)) return hash === this.keyedHash(await hashes());
    const { salt } = this.#pin;
    return hash === (salt === undefined ? this.#hash : saltedHash(salt, this.#hash));
  }

  async #read(alive: () => void): Promise<void> {
    const hash = createHash('sha256');
    const digests = new Digests();
    let [lines, targets, places] = [0, 0, 0];
    for await (const line of readTargets(this.s3, this.work.targetsUri, this.#pin)) {
      if (lines++ % ALIVE_EVERY === 0) alive();
      hash.update(`${JSON.stringify(line)}\n`);
      if ('value' in line) {
        this.values.add(line.value);
        continue;
      }
      this.#keep(line);
      const number = targets++;
      if (!digests.add(digestOf('target', line))) {
        this.#repeated.targets.add(number);
        continue;
      }
      this.counts[isObject(line) ? 'objects' : 'prefixes'] += 1;
      for (const place of this.#placesOf(line)) {
        if (this.#isKnown(digests, place, line)) this.#repeated.places.add(places);
        places += 1;
        this.#note(place);
      }
    }
    this.#hash = hash.digest('hex');
  }

  #keep(target: Target): void {
    this.#kept?.push(target);
    if ((this.#kept?.length ?? 0) > KEPT) this.#kept = undefined;
  }

  /** Whether an earlier target has brought a place, as itself or as a copy. */
  #isKnown(digests: Digests, place: Target, target: Target): boolean {
    if (this.work.storage.copies.length === 0) return false;
    if (place === target) return digests.has(digestOf('copy', place));
    return digests.has(digestOf('target', place)) || !digests.add(digestOf('copy', place));
  }

  #note(place: Target): void {
    const { bucket } = place;
    this.buckets.add(bucket);
    this.#prefixes.add(place);
    if (isObject(place)) this.common.set(bucket, shared(this.common.get(bucket) ?? place.key, place.key));
  }

  #placesOf(target: Target): readonly Target[] {
    return [target, ...copiesOf(target, this.work.storage)];
  }

  get targets(): number {
    return this.counts.objects + this.counts.prefixes;
  }

  /**
   * The distinct targets in the order of the list, each with its declared copies.
   * @throws RecordConflict if it is another object by now
   */
  async *places(): AsyncGenerator<Placed> {
    let [targets, places] = [0, 0];
    for await (const target of this.#kept ?? readTargets(this.s3, this.work.targetsUri, this.#pin)) {
      if ('value' in target || this.#repeated.targets.has(targets++)) continue;
      const all = this.#placesOf(target);
      const first = places;
      places += all.length;
      const own = all.filter(
        (place, index) => !this.#repeated.places.has(first + index) && !this.#prefixes.covers(place),
      );
      yield { target, places: all, own };
    }
  }
}

const digestOf = (as: 'target' | 'copy', target: Target): Uint8Array =>
  createHash('sha256')
    .update(JSON.stringify(isObject(target) ? [as, target.bucket, target.key] : [as, target.bucket, 0, target.prefix]))
    .digest();

/** The beginning that two keys share, whole characters only. */
function shared(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  const text = a.slice(0, length);
  return text.isWellFormed() ? text : text.slice(0, -1);
}
