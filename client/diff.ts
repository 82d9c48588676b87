import { hash } from 'node:crypto';

/** A key whose value differs. `undefined` stands for a key that is not there. */
export interface Change {
  readonly key: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON with keys in order: equal values have equal texts. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    isMap(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a.localeCompare(b))) : inner,
  ) ?? 'undefined';

/** Key by key, what it takes to get from one value to the other. Lists count as one value. */
export function changesBetween(before: unknown, after: unknown, path = ''): Change[] {
  if (isMap(before) && isMap(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])]
      .sort()
      .flatMap((key) => changesBetween(before[key], after[key], path === '' ? key : `${path}.${key}`));
  }
  return canonical(before) === canonical(after) ? [] : [{ key: path, before, after }];
}

/** Longer texts, such as SQL, are told apart by their length and hash: nobody compares them in one line. */
const LONGEST = 120;

const short = (value: unknown): unknown =>
  typeof value === 'string' && value.length > LONGEST
    ? `${value.slice(0, LONGEST / 2).replaceAll(/\s+/g, ' ')}… (${value.length} characters, ${hash('sha256', value).slice(0, 8)})`
    : value;

const show = (value: unknown) =>
  typeof value === 'string' ? short(value) : JSON.stringify(value, (_key, inner: unknown) => short(inner));

/** `~ endpoint.count: 1 → 2`, `+ data.window: P2Y`, `- notify.slack.channel: C01`. */
export function renderChange({ key, before, after }: Change): string {
  if (before === undefined) return `+ ${key}: ${show(after)}`;
  if (after === undefined) return `- ${key}: ${show(before)}`;
  return `~ ${key}: ${show(before)} → ${show(after)}`;
}
