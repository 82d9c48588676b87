import { hash as sha256Of } from 'node:crypto';
import type { Doomed } from './delete.js';
import type { Counts } from './tally.js';

/** What a window holds, or what became of some. */
export type WindowCounts = { -readonly [Name in Exclude<keyof Counts, 'uploads'>]: number };

export const noCounts = (): WindowCounts => ({ versions: 0, markers: 0, keys: 0, bytes: 0 });

/** Characters of base64url of a digest: eight bytes. */
const DIGEST = 11;

/** Lines of a list of hashes that are none: no hash, and no list's head, begins so. */
export const LINES = { counts: '+', countsKey: '*', others: '=', waits: '~' } as const;

/** What stands for an entry in a note, by the keyed hash of its key. */
export const digestOf = (hash: string, versionId: string): string =>
  sha256Of('sha256', `${hash}\0${versionId}`, 'base64url').slice(0, DIGEST);

/** The digests that stand in a line, without its first character. */
export function* digestsIn(line: string): Generator<string> {
  for (let at = 1; at < line.length; at += DIGEST) yield line.slice(at, at + DIGEST);
}

/** Counts an entry. */
export function count(to: WindowCounts, { marker, size, counts }: Omit<Doomed, 'key'>): void {
  to[marker ? 'markers' : 'versions'] += 1;
  to.bytes += size;
  if (counts) to.keys += 1;
}

/**
 * What a window is about to erase, as it is put down with the hashes of its keys: its counts, and its entries by digest. So the try that
 * comes after a death tells what of it is gone. Entries that the note of an earlier try has are left out.
 */
export class WindowNote {
  readonly counts = noCounts();
  /** Outside of V8's heap. */
  #lines: Buffer[] = [];

  add(entries: readonly Doomed[]): void {
    const own = entries.filter(({ begun }) => !begun);
    for (const entry of own) count(this.counts, entry);
    this.#line(
      LINES.countsKey,
      own.filter(({ counts }) => counts),
    );
    this.#line(
      LINES.others,
      own.filter(({ counts }) => !counts),
    );
  }

  /** Entries that wait for a later window: their key is counted unless the entry that counts it waits, too. */
  left(entries: readonly Doomed[]): void {
    const later = new Set(entries.flatMap(({ key, counts }) => (counts ? [key] : [])));
    this.#line(
      LINES.waits,
      entries.filter(({ key }) => !later.has(key)),
    );
  }

  /** Its lines; `told` stands with the counts. */
  lines(told: Omit<Noted, 'begun'>): Buffer[] {
    const noted: Noted = { ...told, begun: this.counts };
    return [...this.#lines, Buffer.from(`${LINES.counts}${JSON.stringify(noted)}\n`)];
  }

  get empty(): boolean {
    return this.#lines.length === 0;
  }

  #line(first: string, entries: readonly Doomed[]): void {
    const digests = entries.flatMap(({ digest }) => digest ?? []);
    if (digests.length > 0) this.#lines.push(Buffer.from(`${first}${digests.join('')}\n`));
  }
}

/** Counts that stand with a window's entries. */
export interface Noted {
  /** Of the window. */
  readonly begun: WindowCounts;
  /** What the same try had erased of its bucket by then, in all windows before. */
  readonly settled: WindowCounts;
  /** The last window of each earlier try that this try knew, by its number. */
  readonly earlier: Readonly<Record<string, number>>;
}
