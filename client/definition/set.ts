import { parse } from 'yaml';
import type { Definition } from '../../contracts/definition/index.js';
import { checkData } from './check.js';
import type { Fault } from './fault.js';
import { pathText } from './fault.js';
import { closest, definitionView } from './schema.js';
import { showValue } from './values.js';

const { keysAt, schemaAt } = definitionView;

/** The steps of `training.hyperparameters.wd`. Below a map of free keys the rest is one key: it may hold dots. */
function steps(key: string): PropertyKey[] {
  const parts = key.split('.');
  const path: PropertyKey[] = [];
  while (parts.length > 0) {
    const here = schemaAt(path);
    if (typeof here?.additionalProperties === 'object') return [...path, parts.join('.')];
    const part = parts.shift() as string;
    path.push(here?.type === 'array' && /^\d+$/.test(part) ? Number(part) : part);
  }
  return path;
}

function unknown(file: string, path: readonly PropertyKey[]): Fault | undefined {
  const prefixes = path.map((_key, index) => schemaAt(path.slice(0, index + 1)));
  const depth = prefixes.indexOf(undefined);
  if (depth < 0) return undefined;
  const known = keysAt(path.slice(0, depth));
  const near = closest(String(path[depth]), known);
  const base = pathText(path.slice(0, depth));
  const fix = near
    ? `did you mean ${base === '' ? near : `${base}.${near}`}?`
    : known.length > 0
      ? `known here: ${known.join(', ')}`
      : `${base} takes no keys below it`;
  return { file, path: pathText(path), message: 'is not a known key', fix, ...(near ? { closest: near } : {}) };
}

function place(target: Record<PropertyKey, unknown>, path: readonly PropertyKey[], value: unknown): void {
  const [key, ...rest] = path as [PropertyKey, ...PropertyKey[]];
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  const inner = target[key];
  if (typeof inner !== 'object' || inner === null) target[key] = {};
  place(target[key] as Record<PropertyKey, unknown>, rest, value);
}

/** Values are YAML: `0.1` is a number, `true` a boolean, `[a, b]` a list; the rest is text. */
function readValue(text: string): unknown {
  try {
    return parse(text) as unknown;
  } catch {
    // Not YAML by itself, `a: b: c` for one: then it is the text that was typed.
    return text;
  }
}

/**
 * Changes a definition by `--set key=value` settings and checks the whole again.
 * @param settings as given: `training.hyperparameters.wd=0.1`
 */
export function applySettings(
  definition: Definition,
  settings: readonly string[],
): { definition: Definition } | { faults: Fault[] } {
  const changed = structuredClone(definition) as unknown as Record<PropertyKey, unknown>;
  const faults: Fault[] = [];
  const origin = new Map<string, string>();
  for (const setting of settings) {
    const at = setting.indexOf('=');
    if (at < 1) {
      const file = `--set ${showValue(setting, [])}`;
      faults.push({ file, path: '', message: 'has no key or no =', fix: '--set training.hyperparameters.wd=0.1' });
      continue;
    }
    const path = steps(setting.slice(0, at));
    const value = readValue(setting.slice(at + 1));
    const file = `--set ${setting.slice(0, at)}=${showValue(value, path)}`;
    const fault =
      pathText(path) === 'name'
        ? { file, path: 'name', message: 'cannot be set for one run', fix: 'apply a definition of that name' }
        : unknown(file, path);
    if (fault) faults.push(fault);
    else {
      place(changed, path, value);
      origin.set(pathText(path), file);
    }
  }
  const checked = checkData(changed);
  if ('definition' in checked && faults.length === 0) return checked;
  const found = 'faults' in checked ? checked.faults : [];
  const located = found.map(({ path, atKey: _atKey, ...rest }): Fault => {
    const text = pathText(path);
    const near = [...origin.keys()].find(
      (key) => text === key || text.startsWith(`${key}.`) || key.startsWith(`${text}.`),
    );
    return { file: near ? (origin.get(near) as string) : '--set', path: text, ...rest };
  });
  return { faults: [...faults, ...located] };
}
