import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { BATCH, type Doomed } from './delete.js';
import { WindowNote } from './note.js';

/** Batches that the first hash objects cover, and each later one: few calls, and little that waits in memory. */
const BATCHES = [2, 20, 100];

/** A marker, or a current version, that waits until the versions of its key that are at hand are gone. */
interface Waiting {
  readonly entry: Doomed;
  /** How many of the versions come before it. */
  readonly after: number;
}

/** What of a bucket goes together: first the keyed hashes of its keys are made durable, then its versions go, then its markers. */
export interface Batches {
  /** Keyed hashes of keys that stand in no earlier object, one a line. */
  readonly hashes: readonly Buffer[];
  /** What the batches hold. */
  readonly note: WindowNote;
  /** Each for `unpack`. */
  readonly versions: readonly Buffer[];
  readonly markers: readonly Buffer[];
}

/**
 * Collects what is listed of a bucket into full batches, so that deleting takes no more calls than it must. Versions and markers of a key may
 * be cut apart only so that the markers come later; what fills no batch waits for the next window.
 */
export class Window {
  #hashes: string[] = [];
  #lines: Buffer[] = [];
  #sealed: Buffer[] = [];
  #versions: Doomed[] = [];
  #markers: Waiting[] = [];
  #note = new WindowNote();
  #taken = 0;

  /**
   * Takes up a key's entries, each list oldest first. `current`: the newest version is what readers get.
   * @param hash keyed hash of the key, unless an earlier part of the same key brought it
   */
  add(
    hash: string | undefined,
    { versions, markers, current }: { versions: readonly Doomed[]; markers: readonly Doomed[]; current: boolean },
  ): void {
    if (hash !== undefined && this.#hashes.push(hash) === BATCH) this.#sealHashes();
    // Batches go side by side: where a key lies in several, its current version waits like a marker, or an older one would be back meanwhile.
    const apart = current && (hash === undefined || versions.length > BATCH - this.#versions.length);
    const now = apart ? versions.slice(0, -1) : versions;
    const last = apart ? [...markers, ...versions.slice(-1)] : markers;
    for (const version of now) {
      this.#versions.push(version);
      if (this.#versions.length === BATCH) this.#seal();
    }
    const after = versions.length > 0 ? this.#sealed.length * BATCH + this.#versions.length : 0;
    for (const entry of last) this.#markers.push({ entry: compact(entry), after });
  }

  /** Whether it holds as much as one hash object covers. */
  get full(): boolean {
    const most = (BATCHES[this.#taken] ?? BATCHES.at(-1) ?? 1) * BATCH;
    return this.#sealed.length * BATCH + this.#markers.length >= most;
  }

  get empty(): boolean {
    return this.#sealed.length === 0 && this.#versions.length === 0 && this.#markers.length === 0;
  }

  /** Takes out the full batches, or with `all` everything. */
  take(all: boolean): Batches {
    if (all && this.#versions.length > 0) this.#seal();
    this.#taken += 1;
    const versions = this.#sealed;
    const gone = versions.length * BATCH;
    const free = this.#markers.filter(({ after }) => after <= gone);
    const bound = this.#markers.filter(({ after }) => after > gone);
    const full = all ? free.length : free.length - (free.length % BATCH);
    const markers: Buffer[] = [];
    for (let at = 0; at < full; at += BATCH) {
      const batch = free.slice(at, Math.min(full, at + BATCH)).map(({ entry }) => entry);
      this.#note.add(batch);
      markers.push(pack(batch));
    }
    this.#markers = [
      ...free.slice(full).map(({ entry }) => ({ entry, after: 0 })),
      ...bound.map(({ entry, after }) => ({ entry, after: after - gone })),
    ];
    this.#sealHashes();
    const hashes = this.#lines;
    const note = this.#note;
    note.left([...this.#versions, ...this.#markers.map(({ entry }) => entry)]);
    this.#lines = [];
    this.#sealed = [];
    this.#note = new WindowNote();
    return { hashes, note, versions, markers };
  }

  /** Lines of a batch's hashes outside of V8's heap. */
  #sealHashes(): void {
    this.#lines.push(Buffer.from(this.#hashes.map((hash) => `${hash}\n`).join('')));
    this.#hashes = [];
  }

  #seal(): void {
    this.#note.add(this.#versions);
    this.#sealed.push(pack(this.#versions));
    this.#versions = [];
  }
}

/** A batch outside of V8's heap, in about a tenth of its size: keys of a listing are alike. It keeps no answer of S3 alive that a key was cut from. */
const pack = (entries: readonly Doomed[]): Buffer => deflateRawSync(JSON.stringify(entries), { level: 1 });

/** The entries of a batch. */
export const unpack = (batch: Buffer): Doomed[] => JSON.parse(inflateRawSync(batch).toString('utf8')) as Doomed[];

/** A copy whose strings are its own. */
const compact = (entry: Doomed) => JSON.parse(JSON.stringify(entry)) as Doomed;
