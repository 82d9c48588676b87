import { Digests } from '../../contracts/purge/digests.js';
import type { Doomed } from './delete.js';
import { count, digestsIn, LINES, noCounts, type Noted, type WindowCounts } from './note.js';

/** Names of a try's windows: `<try>.<number>`. */
export interface WindowName {
  readonly attempt: number;
  readonly number: number;
}

export const plus = <T extends WindowCounts>(to: T, more: WindowCounts, times = 1): void => {
  for (const name of ['versions', 'markers', 'keys', 'bytes'] as const) to[name] += more[name] * times;
};

/**
 * What earlier tries of a leg erased of a bucket. Of each all windows but the last are through, with counts that are known; of the last, what is
 * not listed any more is gone.
 */
export class Earlier {
  /** What is known to be gone. */
  readonly settled = noCounts();
  /** What stood in windows that may not be through. */
  readonly #begun = noCounts();
  /** What of these was listed again. */
  readonly #seen = noCounts();
  /** The last window of each try that is counted. */
  readonly windows: Record<string, number> = {};
  /** Whether nothing was found that these counts can't have. */
  exact = true;
  readonly #members = new Digests(Infinity);
  readonly #countKeys = new Digests(Infinity);
  readonly #waiting = new Digests(Infinity);
  readonly #listed = new Digests(Infinity);
  #any = false;

  /**
   * @param names windows of tries before this one
   * @param read the lines of a window's object
   */
  static async read(names: readonly WindowName[], read: (name: WindowName) => AsyncIterable<string>): Promise<Earlier> {
    const earlier = new Earlier();
    const last = lastOf(names);
    // The newest try says which windows it took for the last ones: a try that was given up and lives on may have written more since.
    const newest = Math.max(0, ...last.keys());
    let known: Readonly<Record<string, number>> | undefined;
    for (const attempt of [...last.keys()].sort((a, b) => b - a)) {
      const number = attempt === newest ? last.get(attempt) : known?.[attempt];
      if (number === undefined || number !== last.get(attempt)) earlier.exact = false;
      if (number === undefined) continue;
      earlier.windows[attempt] = number;
      const noted = await earlier.#take(read({ attempt, number }));
      if (!noted) earlier.exact = false;
      if (attempt === newest) known = noted?.earlier;
    }
    return earlier;
  }

  async #take(lines: AsyncIterable<string>): Promise<Noted | undefined> {
    let noted: Noted | undefined;
    for await (const line of lines) {
      if (line.startsWith(LINES.counts)) noted = JSON.parse(line.slice(1)) as Noted;
      const counts = line.startsWith(LINES.countsKey);
      if (counts || line.startsWith(LINES.others)) {
        for (const digest of digestsIn(line)) {
          this.#members.add(bytesOf(digest));
          if (counts) this.#countKeys.add(bytesOf(digest));
          this.#any = true;
        }
      } else if (line.startsWith(LINES.waits)) {
        for (const digest of digestsIn(line)) this.#waiting.add(bytesOf(digest));
        this.#any = true;
      }
    }
    if (noted) {
      plus(this.settled, noted.settled);
      plus(this.#begun, noted.begun);
    }
    return noted;
  }

  /** Whether another window than those counted is there by now. */
  isBehind(names: readonly WindowName[]): boolean {
    return [...lastOf(names)].some(([attempt, number]) => this.windows[attempt] !== number);
  }

  /** Whether what is listed may be known. */
  get any(): boolean {
    return this.#any;
  }

  /** What is gone of it, once everything was listed. */
  get gone(): WindowCounts {
    const gone = noCounts();
    plus(gone, this.settled);
    plus(gone, this.#begun);
    plus(gone, this.#seen, -1);
    return gone;
  }

  /** Takes note of a key's entries that are still listed, and marks those that are counted here. `known`: the key is counted, or one of them counts it. */
  see(listed: readonly Doomed[]): { readonly entries: readonly Doomed[]; readonly known: boolean } {
    let known = false;
    const entries = listed.map((entry): Doomed => {
      const digest = bytesOf(entry.digest ?? '');
      const begun = this.#members.has(digest);
      known ||= begun || this.#waiting.has(digest);
      if (!begun) return entry;
      const member: Doomed = { ...entry, begun, ...(this.#countKeys.has(digest) && { counts: true }) };
      if (this.#listed.add(digest)) count(this.#seen, member);
      return member;
    });
    return { entries, known };
  }
}

function lastOf(names: readonly WindowName[]): ReadonlyMap<number, number> {
  const last = new Map<number, number>();
  for (const { attempt, number } of names) last.set(attempt, Math.max(number, last.get(attempt) ?? 0));
  return last;
}

function bytesOf(digest: string): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.write(digest, 'base64url');
  return bytes;
}
