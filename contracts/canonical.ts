/**
 * JSON with one form for one value, so that it can be hashed and signed: members sorted by name, nothing between tokens, members that are
 * undefined left out. Text keeps its characters but U+0000 and lone surrogates, which PostgreSQL has not: U+FFFD stands for them.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => {
    if (typeof part === 'string') return part.toWellFormed().replaceAll('\0', '\uFFFD');
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
