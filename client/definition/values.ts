import { stringify } from 'yaml';

const LONGEST = 80;
const SECRET_KEY = /token|secret|password|credential/i;
// Slack tokens, AWS access keys, private keys.
const SECRET_VALUE = /xox[a-z]-|xapp-|AKIA[0-9A-Z]{8}|ASIA[0-9A-Z]{8}|-----BEGIN/;

/** What people call the type of a value. */
export function typeName(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return 'a number';
  if (typeof value === 'boolean') return 'true or false';
  if (typeof value === 'string') return 'text';
  return 'a map';
}

/** A value on one line of YAML, cut where it is long; one that may be a secret is named, not shown. */
export function showValue(value: unknown, path: readonly PropertyKey[]): string {
  const text = stringify(value, {
    collectionStyle: 'flow',
    flowCollectionPadding: false,
    lineWidth: 0,
    nullStr: 'null',
  }).trimEnd();
  const oneLine = text.includes('\n') ? JSON.stringify(value) : text;
  if (path.some((key) => SECRET_KEY.test(String(key))) || SECRET_VALUE.test(oneLine))
    return '(hidden: it may be a secret)';
  return oneLine.length > LONGEST ? `${oneLine.slice(0, LONGEST - 1)}…` : oneLine;
}

/** The value at a path of plain data; undefined where there is none. */
export function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value = data;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}
