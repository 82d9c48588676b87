/** A name in a bucket as one word; no bucket has U+0000 in its name. */
export const address = (bucket: string, key: string) => `${bucket}\0${key}`;

/** Prefixes of buckets, of which there may be many: a key is looked up once for each length that occurs. */
export class Prefixes {
  private readonly known = new Set<string>();
  private readonly lengths = new Set<number>();

  add(bucket: string, prefix: string): void {
    this.known.add(address(bucket, prefix));
    this.lengths.add(prefix.length);
  }

  /** Those that the key starts with, as addresses. */
  *of(bucket: string, key: string): Generator<string> {
    for (const length of this.lengths) {
      if (length > key.length) continue;
      const one = address(bucket, key.slice(0, length));
      if (this.known.has(one)) yield one;
    }
  }

  cover(bucket: string, key: string): boolean {
    return this.of(bucket, key).next().done !== true;
  }

  /** Addresses of those that start with `prefix` themselves. */
  below(bucket: string, prefix: string): string[] {
    const start = address(bucket, prefix);
    return [...this.known].filter((one) => one.startsWith(start));
  }
}

/** Things by what they have in common, in order. */
export function grouped<T>(things: readonly T[], by: (thing: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const thing of things) {
    const group = groups.get(by(thing));
    if (group) group.push(thing);
    else groups.set(by(thing), [thing]);
  }
  return groups;
}
