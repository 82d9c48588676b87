import type { z } from 'zod';
import type { FaultAt } from './fault.js';
import { pathText } from './fault.js';
import { closest } from './schema.js';
import type { Schema, SchemaView } from './schema.js';
import { showValue, valueAt } from './values.js';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** The issues of a union's branch that fits the type of the value best, or the union's own. */
function flatten(issue: Issue, base: Path = []): { issue: Issue; path: Path }[] {
  const path = [...base, ...issue.path];
  if (issue.code !== 'invalid_union') return [{ issue, path }];
  const inside = issue.errors.find((branch) =>
    branch.every((one) => one.path.length > 0 || one.code !== 'invalid_type'),
  );
  return inside ? inside.flatMap((one) => flatten(one, path)) : [{ issue, path }];
}

function unknownKey(key: string, base: Path, view: SchemaView): FaultAt {
  const known = view.keysAt(base);
  const near = closest(key, known);
  const elsewhere = view.pathsOf(key);
  const list = `known here: ${known.join(', ')}`;
  const fix =
    near !== undefined
      ? `did you mean ${near}?`
      : elsewhere.length > 0
        ? `it belongs to ${elsewhere.join(' or ')}`
        : `remove it; ${list}`;
  const message = key === '<<' ? 'is a merge key, which definitions do not take' : 'is not a known key';
  return { path: [...base, key], atKey: true, message, fix, ...(near === undefined ? {} : { closest: near }) };
}

/** An example of a value as one writes it after the key. */
function example(part: Schema | undefined): unknown {
  return part?.examples?.[0] ?? part?.enum?.[0];
}

function required(path: Path, view: SchemaView): FaultAt {
  const purpose = view.describeAt(path);
  const part = view.schemaAt(path);
  const key = String(path.at(-1));
  const sample = example(part);
  const inner = part?.required?.map((name) => `${name}: …`).join(', ');
  return {
    path,
    message: `is required${purpose ? `: ${purpose}` : ''}`,
    fix: `add  ${key}: ${sample === undefined ? (inner ? `{ ${inner} }` : '…') : showValue(sample, [])}`,
  };
}

const TRUE = /^(yes|on|y|true)$/i;
const FALSE = /^(no|off|n|false)$/i;

/** How to write a value of the wrong type. */
function retype(value: unknown, expected: string, path: Path, view: SchemaView): string | undefined {
  if (value === null) return 'give it a value or remove the key';
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return 'put it in quotes';
  if (typeof value === 'string') {
    if (expected === 'boolean' && TRUE.test(value)) return 'write true';
    if (expected === 'boolean' && FALSE.test(value)) return 'write false';
    if ((expected === 'number' || expected === 'int') && value.trim() !== '' && Number.isFinite(Number(value)))
      return `write ${Number(value)}, without quotes`;
  }
  if (expected === 'array' && typeof value !== 'object') return `write [${showValue(value, path)}]`;
  const keys = view.keysAt(path);
  if (expected === 'object' && keys.length > 0) return `write the keys it has, indented below it: ${keys.join(', ')}`;
  const sample = example(view.schemaAt(path));
  return sample === undefined ? undefined : `for example ${showValue(sample, [])}`;
}

/** `between 1 and 100`, where the schema bounds a number. */
function range(path: Path, view: SchemaView): string | undefined {
  const part = view.schemaAt(path);
  if (part?.minimum === undefined || part.maximum === undefined) return undefined;
  return `write a number between ${part.minimum} and ${part.maximum}`;
}

function fixOf(issue: Issue, path: Path, value: unknown, view: SchemaView): string | undefined {
  if (issue.code === 'invalid_type')
    return issue.expected === 'int' ? range(path, view) : retype(value, issue.expected, path, view);
  if (issue.code === 'too_small' || issue.code === 'too_big') return range(path, view);
  const sample = example(view.schemaAt(path));
  if (issue.code === 'custom' || sample === undefined) return undefined;
  return `for example ${showValue(sample, [])}`;
}

/**
 * What zod found, in the words of people: one fault for each thing to mend.
 * @param data the value that was checked: what was found is quoted from it
 * @param view of the schema that it was checked by
 */
export function faultsOf(issues: readonly Issue[], data: unknown, view: SchemaView): FaultAt[] {
  return issues
    .flatMap((issue) => flatten(issue))
    .flatMap(({ issue, path }): FaultAt[] => {
      if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, path, view));
      const value = valueAt(data, path);
      if (issue.code === 'invalid_type' && value === undefined) return [required(path, view)];
      const fix = fixOf(issue, path, value, view);
      const quoted = value === undefined || (issue.code === 'custom' && typeof value === 'object');
      return [
        {
          path,
          message: issue.message,
          ...(quoted ? {} : { found: showValue(value, path) }),
          ...(fix === undefined ? {} : { fix }),
        },
      ];
    });
}

/** One fault a path, the first; a required key that is only misspelt is no fault of its own. */
export function distinct(faults: readonly FaultAt[]): FaultAt[] {
  const meant = new Set(
    faults.flatMap(({ path, closest: near }) => (near === undefined ? [] : [pathText([...path.slice(0, -1), near])])),
  );
  const seen = new Set<string>();
  return faults.filter((fault) => {
    const path = pathText(fault.path);
    if (seen.has(path) || (meant.has(path) && fault.message.startsWith('is required'))) return false;
    seen.add(path);
    return true;
  });
}
