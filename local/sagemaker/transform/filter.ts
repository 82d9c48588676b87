import { parse } from 'csv-parse/sync';

/** Selects fields of a CSV record. */
export type Filter = (record: readonly string[]) => string[];

/**
 * The subset of JSONPath that DataProcessing takes for CSV: `$` (all), `$[n]`, `$[a,b]` and `$[a:b]`, with negative
 * positions counted from the end. Throws on anything else, saying what is allowed.
 */
export function parseFilter(path: string): Filter {
  const text = path.replace(/\s/g, '');
  if (text === '$' || text === '') return (record) => [...record];
  const inner = /^\$\[([-\d,:]+)\]$/.exec(text)?.[1] ?? '';
  const slice = /^(-?\d+)?:(-?\d+)?$/.exec(inner);
  if (slice) {
    const [start, end] = [slice[1], slice[2]].map((part) => (part === undefined ? undefined : Number(part)));
    return (record) => record.slice(start, end);
  }
  if (!/^-?\d+(,-?\d+)*$/.test(inner)) {
    throw new Error(`"${path}" is not a filter for CSV: use $, $[n], $[a,b] or $[a:b]`);
  }
  const positions = inner.split(',').map(Number);
  return (record) => positions.map((position) => field(record, position, path));
}

/** The fields of one CSV line. */
export function fieldsOf(line: string): string[] {
  const [record = []] = parse(line, { relax_column_count: true, relax_quotes: true }) as string[][];
  return record;
}

/** One CSV line of fields, quoted where they must be. */
export function lineOf(record: readonly string[]): string {
  return record.map((text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(',');
}

function field(record: readonly string[], position: number, path: string): string {
  const value = record.at(position);
  if (value === undefined) throw new Error(`filter ${path} finds no field ${position} in a record of ${record.length}`);
  return value;
}
