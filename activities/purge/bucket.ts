import type { LimitFunction } from 'p-limit';
import type { KeyedHashes } from '../keyed-hashes.js';
import type { Blocks, Reason } from './blocks.js';
import type { BucketSettings } from './buckets.js';
import { isLater, type Entries } from './choose.js';
import { deleteBatch, type Deletion, type Doomed } from './delete.js';
import type { Earlier } from './earlier.js';
import type { Group } from './groups.js';
import type { HashObjects } from './hash-objects.js';
import type { Entry } from './listing.js';
import { count, digestOf, noCounts } from './note.js';
import type { Tally } from './tally.js';
import { Window, unpack, type Batches } from './window.js';

export interface BucketWork {
  readonly settings: BucketSettings;
  /** Of the purge. */
  readonly startedAt: string;
  readonly deletion: Deletion;
  readonly hashes: KeyedHashes;
  readonly hashObjects: HashObjects;
  readonly tally: Tally;
  readonly blocks: Blocks;
  /** Batches in flight, over all buckets. */
  readonly limit: LimitFunction;
  /** Whether the leg's time is over: what is at hand then waits for the next leg. */
  readonly over: () => boolean;
}

/** Erases entries of one bucket as they are listed: while a window of them goes, the next is collected, and no more than that is held. */
export class BucketEraser {
  readonly #window = new Window();
  /** Keys with a version that could not go, as long as markers of theirs wait: without its marker it would be current again. */
  readonly #held = new Map<string, Reason>();
  readonly #withMarkers = new Set<string>();
  #sending: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | undefined;
  /** What this try erased, without what the notes of earlier tries count. */
  readonly #erased = noCounts();
  /** What earlier tries of the leg erased; there from the second one on. */
  earlier: Earlier | undefined;
  /** In this pass: entries gone, uploads since among them, and entries replaced since they were listed. */
  gone = 0;
  later = 0;
  changed = 0;

  constructor(readonly work: BucketWork) {}

  /** Takes up what was chosen of a key; waits while the window before it is still going. */
  async add(group: Group, chosen: Entries): Promise<void> {
    const { settings, blocks, hashes } = this.work;
    const { key, again } = group;
    const hash = hashes.object(settings.bucket, key);
    const doomed = this.#chosen(hash, group, chosen);
    if (doomed.length === 0) return;
    while (this.#waiting) await this.#waiting;
    if (settings.mfaDelete) return blocks.add(settings.bucket, { by: 'mfa delete' }, doomed.length);
    const { versions, markers } = chosen;
    if (markers.length > 0 && versions.length > 0) this.#withMarkers.add(key);
    this.#window.add(again ? undefined : hash, {
      versions: doomed.slice(0, versions.length),
      markers: doomed.slice(versions.length),
      current: versions.at(-1)?.latest === true,
    });
    if (this.#window.full) await this.#release(false);
  }

  /** What was chosen of a key, versions first; one entry counts it, unless an earlier try did. */
  #chosen(hash: string, group: Group, chosen: Entries): Doomed[] {
    const { earlier } = this;
    const seen = earlier?.any ? earlier.see(this.#all(hash, group.key, group)) : undefined;
    const doomed = seen ? kept(seen.entries, group, chosen) : this.#all(hash, group.key, chosen);
    if (!group.again && !seen?.known && doomed[0]) doomed[0] = { ...doomed[0], counts: true };
    return doomed;
  }

  #all(hash: string, key: string, { versions, markers }: Entries): Doomed[] {
    const all: Doomed[] = [];
    for (const entry of versions) all.push(this.#doomed(hash, key, entry));
    for (const entry of markers) all.push(this.#marker(hash, key, entry));
    return all;
  }

  /** Waits until all that was added has gone. */
  async finish(): Promise<void> {
    while (this.#waiting) await this.#waiting;
    if (!this.#window.empty) await this.#release(true);
    await this.#sending;
  }

  /** Waits until what is on its way has ended, however it ends. */
  async stopped(): Promise<void> {
    await this.#sending.catch(() => undefined);
  }

  async #release(all: boolean): Promise<void> {
    const batches = this.#window.take(all);
    const before = this.#sending;
    this.#waiting = before.finally(() => (this.#waiting = undefined));
    await this.#waiting;
    this.#sending = this.#send(batches);
    // Thrown where it is awaited.
    this.#sending.catch(() => undefined);
  }

  async #send({ hashes, note, versions, markers }: Batches): Promise<void> {
    if (this.work.over()) return;
    // All windows before are through.
    const told = { settled: { ...this.#erased }, earlier: this.earlier?.windows ?? {} };
    await this.work.hashObjects.write(hashes, note, told);
    await this.#delete(versions);
    await this.#delete(markers);
  }

  async #delete(batches: readonly Buffer[]): Promise<void> {
    const { limit, over, deletion, settings, blocks } = this.work;
    const ended = await Promise.allSettled(
      batches.map((batch) =>
        limit(async () => {
          if (over()) return;
          const entries = unpack(batch).filter((entry) => !this.#stays(entry));
          const { blocked, changed, open } = await deleteBatch(deletion, entries);
          for (const { entry, reason } of blocked) {
            blocks.add(settings.bucket, reason);
            if (!entry.marker && this.#withMarkers.has(entry.key)) this.#held.set(entry.key, reason);
          }
          this.changed += changed.length;
          const left = new Set([...blocked.map(({ entry }) => entry), ...changed, ...open]);
          for (const entry of entries) if (!left.has(entry)) this.#count(entry);
        }),
      ),
    );
    const failed = ended.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Whether a marker must stay, which then counts as blocked for the reason that its version is. */
  #stays({ key, marker }: Doomed): boolean {
    if (!marker) return false;
    const reason = this.#held.get(key);
    if (reason) this.work.blocks.add(this.work.settings.bucket, reason);
    return reason !== undefined;
  }

  #count(entry: Doomed): void {
    count(this.work.tally, entry);
    if (!entry.begun) count(this.#erased, entry);
    this.gone += 1;
    if (entry.later) this.later += 1;
  }

  /** A new pass over the bucket. */
  renew(): void {
    this.gone = 0;
    this.later = 0;
    this.changed = 0;
    this.#held.clear();
    this.#withMarkers.clear();
  }

  /**
   * Without versions a delete takes the object as it is then, so it is asked to be the one listed (S3 evaluates that condition for current
   * objects only).
   */
  #doomed(hash: string, key: string, { versionId, size, etag, modified }: Entry): Doomed {
    const { settings, startedAt } = this.work;
    const digest = digestOf(hash, versionId);
    const later = isLater(modified, startedAt) && ({ later: true } as const);
    if (settings.versioning !== 'unversioned' || versionId !== 'null')
      return { key, versionId, size, digest, ...later };
    return { key, size, digest, ...(etag !== undefined && { etag }), ...later };
  }

  #marker = (hash: string, key: string, { versionId }: Entry): Doomed => ({
    ...{ key, versionId, size: 0, marker: true },
    digest: digestOf(hash, versionId),
  });
}

/** Of a key's entries, in the order of the listing, those that were chosen. */
function kept(entries: readonly Doomed[], group: Entries, { versions, markers }: Entries): Doomed[] {
  const wanted = new Set([...versions, ...markers]);
  const listed = [...group.versions, ...group.markers];
  return entries.filter((_, index) => wanted.has(listed[index] as Entry));
}
