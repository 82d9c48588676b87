import { RECORDS_PREFIX } from '../../contracts/storage/index.js';
import { isObject, type Target } from './targets.js';

/** The prefixes of a list and of its copies: what lies below one of them is its to count. They are few. */
export class Prefixes {
  readonly #byBucket = new Map<string, Set<string>>();
  /** By bucket, sorted, those below another left out: at most one of them is above a key. */
  #outer: ReadonlyMap<string, readonly string[]> | undefined;

  add(target: Target): void {
    if (isObject(target)) return;
    const { bucket, prefix } = target;
    const known = this.#byBucket.get(bucket) ?? new Set();
    this.#byBucket.set(bucket, known.add(prefix));
    this.#outer = undefined;
  }

  /** Whether another target, a prefix, holds all of it. */
  covers(target: Target): boolean {
    const name = isObject(target) ? target.key : target.prefix;
    // What Perennial keeps is left out of a prefix.
    if (name.startsWith(RECORDS_PREFIX)) return false;
    this.#outer ??= new Map([...this.#byBucket].map(([bucket, all]) => [bucket, outerOf(all)]));
    const above = lastUpTo(this.#outer.get(target.bucket) ?? [], name);
    return above !== undefined && name.startsWith(above) && (isObject(target) || name !== above);
  }
}

function outerOf(prefixes: ReadonlySet<string>): string[] {
  const outer: string[] = [];
  for (const prefix of [...prefixes].sort()) {
    const last = outer.at(-1);
    if (last === undefined || !prefix.startsWith(last)) outer.push(prefix);
  }
  return outer;
}

/** The last of the sorted texts that doesn't come after `name`. */
function lastUpTo(sorted: readonly string[], name: string): string | undefined {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] ?? '') <= name) from = middle + 1;
    else to = middle;
  }
  return sorted[from - 1];
}

/** A set of small numbers, a bit each. */
export class Bits {
  #bytes = new Uint8Array(0);

  add(number: number): void {
    const at = number >> 3;
    if (at >= this.#bytes.length) {
      const more = new Uint8Array(Math.max(1_024, at * 2));
      more.set(this.#bytes);
      this.#bytes = more;
    }
    this.#bytes[at] = (this.#bytes[at] ?? 0) | (1 << (number & 7));
  }

  has(number: number): boolean {
    return ((this.#bytes[number >> 3] ?? 0) & (1 << (number & 7))) !== 0;
  }
}
