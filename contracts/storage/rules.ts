/**
 * What single keys of a storage file can't say. Values of other types than the schema's may be there (their own faults name those), so nothing
 * is sure about them here.
 */
type Fault = (path: (string | number)[], message: string) => void;
type Loose = Readonly<Record<string, unknown>>;

/** A rule of `copies` that has the types the schema wants, by its place in the list. */
interface Rule {
  readonly index: number;
  readonly bucket: string;
  readonly prefix: string;
  readonly toBucket: string;
  readonly toPrefix: string;
  readonly suffix: string;
}

/** Checks `storage` as a whole; `recordsPrefix` is where Perennial's own objects lie. */
export function checkStorage(storage: unknown, recordsPrefix: string, fault: Fault): void {
  if (!isMap(storage)) return;
  checkMirrors(listOf(storage['mirrors']), recordsPrefix, fault);
  checkCopies(listOf(storage['copies']), recordsPrefix, fault);
  if (isMap(storage['audit'])) checkFormerKeys(storage['audit'], fault);
}

function checkFormerKeys(audit: Loose, fault: Fault): void {
  const keys = listOf(audit['formerKeys']).map(({ key }) => key);
  keys.forEach((key, index) => {
    if (typeof key !== 'string') return;
    const path = ['audit', 'formerKeys', index, 'key'];
    if (keys.indexOf(key) < index)
      fault(path, `is that of formerKeys.${keys.indexOf(key)} too: a key is replaced once`);
    if (key === audit['signingKey'])
      fault(path, 'is signingKey: a former key has another in its place, or its holder could go on signing');
  });
}

function checkMirrors(mirrors: readonly Loose[], recordsPrefix: string, fault: Fault): void {
  const seen: { readonly path: string; readonly index: number }[] = [];
  mirrors.forEach(({ path, prefix }, index) => {
    if (text(prefix).startsWith(recordsPrefix))
      fault(['mirrors', index, 'prefix'], `must not lie under ${recordsPrefix}, which is never mirrored`);
    if (typeof path !== 'string') return;
    const other = seen.find((one) => path === one.path || isBelow(path, one.path) || isBelow(one.path, path));
    if (other)
      fault(
        ['mirrors', index, 'path'],
        path === other.path
          ? `is the path of mirrors.${other.index} too: each mirror needs a folder of its own, since it removes what its bucket does not hold`
          : `overlaps with ${other.path} of mirrors.${other.index}: each would remove the files of the other`,
      );
    seen.push({ path, index });
  });
}

function checkCopies(copies: readonly Loose[], recordsPrefix: string, fault: Fault): void {
  copies.forEach((rule, index) => {
    for (const key of ['prefix', 'toPrefix'])
      if (text(rule[key]).startsWith(recordsPrefix))
        fault(['copies', index, key], `must not lie under ${recordsPrefix}, which no purge touches`);
  });
  const rules = copies.flatMap(({ bucket, prefix, toBucket, toPrefix, suffix }, index): Rule[] =>
    typeof bucket === 'string' && typeof toBucket === 'string'
      ? [{ index, bucket, prefix: text(prefix), toBucket, toPrefix: text(toPrefix), suffix: text(suffix) }]
      : [],
  );
  for (const rule of rules) {
    if (rule.bucket === rule.toBucket && rule.prefix === rule.toPrefix && rule.suffix === '')
      fault(['copies', rule.index], 'leads to itself: an object would be its own copy');
    else if (feeds(rule, rule))
      fault(
        ['copies', rule.index],
        `has its copies among its originals (${rule.toBucket}/${rule.toPrefix} and ${rule.bucket}/${rule.prefix}): each copy would have a copy, without end`,
      );
  }
  const circle = circleIn(rules.filter((rule) => !feeds(rule, rule)));
  const last = circle?.at(-1);
  if (circle && last)
    fault(
      ['copies', last.index],
      `closes a circle with ${circle
        .filter((rule) => rule !== last)
        .map(({ index }) => `copies.${index}`)
        .join(
          ', ',
        )}: copies would have copies without end. Two buckets that replicate to each other are fine if prefix and toPrefix are equal crosswise`,
    );
}

/** Whether copies that `from` makes are originals of `to`. */
const feeds = (from: Rule, to: Rule): boolean =>
  from.toBucket === to.bucket && (from.toPrefix.startsWith(to.prefix) || to.prefix.startsWith(from.toPrefix));

/** Two-way replication: what comes back is the object itself. */
const isWayBack = (one: Rule, other: Rule): boolean =>
  one.bucket === other.toBucket &&
  one.toBucket === other.bucket &&
  one.prefix === other.toPrefix &&
  one.toPrefix === other.prefix &&
  one.suffix === '' &&
  other.suffix === '';

/** The rules of the first circle, in the order of the file; a rule of `rules` does not feed itself. */
function circleIn(rules: readonly Rule[]): Rule[] | undefined {
  const done = new Set<Rule>();
  const walk = (rule: Rule, path: readonly Rule[]): Rule[] | undefined => {
    const at = path.indexOf(rule);
    if (at >= 0) return path.slice(at).sort((a, b) => a.index - b.index);
    if (done.has(rule)) return undefined;
    for (const next of rules) {
      if (!feeds(rule, next) || isWayBack(rule, next)) continue;
      const found = walk(next, [...path, rule]);
      if (found) return found;
    }
    done.add(rule);
    return undefined;
  };
  for (const rule of rules) {
    const found = walk(rule, []);
    if (found) return found;
  }
  return undefined;
}

const isBelow = (path: string, folder: string) => path.startsWith(`${folder}/`);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const isMap = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly Loose[] =>
  Array.isArray(value) ? value.map((one: unknown) => (isMap(one) ? one : {})) : [];
