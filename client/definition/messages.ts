import type { z } from 'zod';
import { typeName } from './values.js';

type Raw = Parameters<z.core.$ZodErrorMap>[0];

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys',
  record: 'a map of keys',
};

function size(issue: Extract<Raw, { code: 'too_small' | 'too_big' }>): string {
  const least = issue.code === 'too_small';
  const bound = Number(least ? issue.minimum : issue.maximum);
  if (issue.origin === 'string' && least && bound === 1) return 'must not be empty';
  const things = { string: ' characters', array: ' entries' }[issue.origin as string] ?? '';
  const verb = things === ' entries' ? 'must have' : 'must be';
  return `${verb} ${least ? 'at least' : 'at most'} ${bound}${things}${things === ' characters' ? ' long' : ''}`;
}

/**
 * zod's error map: what to say about an issue for which the schema has no words of its own. Each text continues a sentence that
 * starts with the path of the key.
 */
export const faultMessage: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is required';
      if (Number.isNaN(issue.input)) return 'must be a number';
      if (issue.expected === 'int') return 'must be a whole number';
      return `must be ${EXPECTED[issue.expected] ?? issue.expected}, not ${typeName(issue.input)}`;
    case 'too_small':
    case 'too_big':
      return size(issue);
    case 'invalid_union':
      return `must be text, a number, or true or false, not ${typeName(issue.input)}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'unrecognized_keys':
      return 'is not a known key';
    case 'invalid_key':
      return 'has a key that is too long or empty';
    default:
      return undefined;
  }
};
