import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import type { Fault, FaultAt } from './fault.js';
import { pathText } from './fault.js';
import { yamlFaults } from './yaml-faults.js';

/** A definition's text, and where in it things stand. */
export interface Source {
  readonly file: string;
  readonly data: unknown;
  /** The text as it is written, of a scalar: `012` stays `012`. */
  written(path: readonly PropertyKey[]): string | undefined;
  locate(fault: FaultAt): Fault;
}

const isBlock = (node: unknown, keyLine: string) =>
  typeof node === 'object' && node !== null && 'items' in node && keyLine.includes('\n');

/** The character that stands for a path: its value's, its key's, or that of the nearest map around it. */
function offsetOf(document: Document, text: string, path: readonly PropertyKey[], atKey: boolean): number {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const pair = isMap(parent)
      ? parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(path[length - 1]))
      : undefined;
    const key = isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
    const found = document.getIn(path.slice(0, length), true);
    const value = isNode(found) ? found.range?.[0] : undefined;
    // A key that is missing is shown at the map that lacks it; a map or list on lines of its own at the key above them.
    if (key !== undefined) {
      const above = value === undefined || isBlock(found, text.slice(key, value));
      return atKey || length < path.length || above ? key : value;
    }
    if (value !== undefined) return value;
  }
  return document.contents?.range?.[0] ?? 0;
}

/** Reads YAML: a source, or everything that is wrong with it as YAML. */
export function parseSource(file: string, text: string): { source: Source } | { faults: Fault[] } {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const faults = yamlFaults(document, text).map(({ offset, ...words }) => ({ ...at(offset), path: '', ...words }));
  // After a first syntax error the parser reports its consequences too, on the same line.
  if (faults.length > 0) return { faults: faults.filter((one, i) => i === 0 || one.line !== faults[i - 1]?.line) };

  const whole = (message: string, fix: string) => ({ faults: [{ ...at(0), path: '', message, fix }] });
  if (document.contents === null) return whole('the file is empty', 'a definition starts with  name: …');
  if (!isMap(document.contents))
    return whole('is not a map of keys', 'a definition has the form "key: value", starting with  name: …');
  let data: unknown;
  try {
    data = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return whole(`its aliases (*…) cannot be resolved: ${(error as Error).message}`, 'write the values themselves');
  }
  return {
    source: {
      file,
      data,
      written: (path) => {
        const node = document.getIn(path, true);
        return isScalar(node) && typeof node.source === 'string' ? node.source : undefined;
      },
      locate: ({ path, atKey, ...rest }) => ({
        ...at(offsetOf(document, text, path, atKey ?? false)),
        path: pathText(path),
        ...rest,
      }),
    },
  };
}
