/** One position or range of an array. Negative positions count from the end; a range's end is not part of it. */
type Item = { readonly at: number } | { readonly from?: number; readonly to?: number };

type Step =
  | { readonly kind: 'names'; readonly names: readonly string[] }
  | { readonly kind: 'items'; readonly items: readonly Item[] }
  | { readonly kind: 'all' };

/** A path of DataProcessing: what it selects of a record. */
export interface JsonPath {
  readonly text: string;
  /** None for `$`. */
  readonly steps: readonly Step[];
}

const STEP = /\.\*|\[\*\]|\.([^.[\]*'"\s]+)|\[\s*('[^']*'(?:\s*,\s*'[^']*')*)\s*\]|\[([-\d,:\s]+)\]/y;
const ITEM = /^\s*(?:(-?\d+)|(-?\d+)?\s*:\s*(-?\d+)?)\s*$/;

/**
 * Reads the subset of JSONPath that AWS documents for DataProcessing: `$`, `.name`, `*`, `['a','b']`, `[1,-1]`, `[2:]`.
 * Throws on anything else, saying what is allowed.
 */
export function parsePath(text: string): JsonPath {
  const path = text.trim();
  if (path === '') return { text, steps: [] };
  const steps: Step[] = [];
  let position = 1;
  while (path.startsWith('$') && position < path.length) {
    STEP.lastIndex = position;
    const match = STEP.exec(path);
    const step = match && readStep(match);
    if (!step) break;
    steps.push(step);
    position = STEP.lastIndex;
  }
  if (path.startsWith('$') && position === path.length) return { text, steps };
  throw new Error(`"${text}" is not a supported JSONPath: use $, .name, *, ['a','b'], [1,-1] and [start:end]`);
}

function readStep([, name, names, items]: RegExpExecArray): Step | undefined {
  if (name !== undefined) return { kind: 'names', names: [name] };
  if (names !== undefined) {
    return { kind: 'names', names: [...names.matchAll(/'([^']*)'/g)].map(([, each]) => String(each)) };
  }
  if (items === undefined) return { kind: 'all' };
  const parts = items.split(',').map((part) => ITEM.exec(part));
  if (parts.some((part) => !part)) return undefined;
  return { kind: 'items', items: parts.map((part) => readItem(part as RegExpExecArray)) };
}

function readItem([, at, from, to]: RegExpExecArray): Item {
  if (at !== undefined) return { at: Number(at) };
  return { ...(from !== undefined && { from: Number(from) }), ...(to !== undefined && { to: Number(to) }) };
}

/** What a path selects of a JSON value. Throws if it is not there, as AWS does. */
export function select(value: unknown, { steps, text }: JsonPath): unknown {
  let values = [value];
  let single = true;
  for (const step of steps) {
    values = values.flatMap((each) => apply(each, step, text));
    single &&= step.kind === 'names' || (step.kind === 'items' && step.items.length === 1 && isPosition(step.items[0]));
  }
  return single ? values[0] : values;
}

/** What a path selects of the fields of a CSV record. Throws if a position is not there. */
export function selectFields(fields: readonly string[], { steps, text }: JsonPath): string[] {
  const [step] = steps;
  return step?.kind === 'items' ? (itemsOf(fields, step.items, text) as string[]) : [...fields];
}

/** Whether a path can be used on CSV, whose records have positions only. */
export function isForCsv({ steps }: JsonPath): boolean {
  return steps.length === 0 || (steps.length === 1 && steps[0]?.kind === 'items');
}

function apply(value: unknown, step: Step, text: string): unknown[] {
  if (step.kind === 'all')
    return typeof value === 'object' && value !== null ? Object.values(value) : missing(text, '*');
  if (step.kind === 'items') return Array.isArray(value) ? itemsOf(value, step.items, text) : missing(text, 'array');
  const members = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const found = step.names.map((name) =>
    Object.hasOwn(members, name) ? ([name, members[name]] as const) : missing(text, name),
  );
  return found.length === 1 ? [found[0]?.[1]] : [Object.fromEntries(found)];
}

function itemsOf(values: readonly unknown[], items: readonly Item[], text: string): unknown[] {
  return items.flatMap((item) => {
    if (!isPosition(item)) return values.slice(item.from, item.to);
    return item.at < values.length && item.at >= -values.length ? [values.at(item.at)] : missing(text, String(item.at));
  });
}

function isPosition(item: Item | undefined): item is { readonly at: number } {
  return item !== undefined && 'at' in item;
}

function missing(text: string, what: string): never {
  throw new Error(`the filter ${text} finds no ${what} in a record`);
}
