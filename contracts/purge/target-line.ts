import { RECORDS_PREFIX } from '../storage/defaults.js';
import type { TargetLine } from './index.js';

/** S3's limit for a key, in bytes of UTF-8. */
const LONGEST_KEY = 1024;
/** Fields are compared without blanks around them: this one would be every empty field. */
const BLANK = /^[ \t\r\n\f]*$/;
const MEMBERS = new Set(['bucket', 'key', 'prefix', 'value']);

/** A parsed line of a list as a target, or what is wrong with it: words that hold nothing of the line. */
export function checkTarget(line: unknown): TargetLine | string {
  if (typeof line !== 'object' || line === null || Array.isArray(line)) return 'is not an object';
  const { bucket, key, prefix, value } = line as Record<string, unknown>;
  if (Object.keys(line).some((name) => !MEMBERS.has(name)))
    return 'has other members than bucket, key, prefix and value';
  if (typeof value === 'string') {
    if (bucket !== undefined || key !== undefined || prefix !== undefined)
      return 'has a value beside a bucket, key or prefix';
    return BLANK.test(value) ? 'has an empty value' : { value };
  }
  if (typeof bucket !== 'string' || bucket === '') return 'has no bucket';
  if ((key === undefined) === (prefix === undefined)) return 'must have either key or prefix';
  const name = key ?? prefix;
  if (typeof name !== 'string' || (key !== undefined && name === '')) return 'has an empty key, or one that is no text';
  // Lone surrogates become U+FFFD on the wire, which is another key.
  if (!name.isWellFormed()) return 'has a lone surrogate, which no S3 key has';
  if (new TextEncoder().encode(name).length > LONGEST_KEY)
    return `is longer than the ${LONGEST_KEY} bytes that S3 allows`;
  if (name.startsWith(RECORDS_PREFIX)) return `lies under ${RECORDS_PREFIX}, where the records of purges are`;
  return key === undefined ? { bucket, prefix: name } : { bucket, key: name };
}
