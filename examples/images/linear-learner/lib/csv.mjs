/** Rows of numbers out of CSV text, the one form both training files and requests have. */
import { CsvError, parse } from 'csv-parse/sync';
import { UserFault } from './container.mjs';

/**
 * Parses CSV without a header. Empty lines are skipped; rows may differ in length, which is for the caller to check.
 *
 * @param {string | Buffer} text
 * @param {string} source what messages start with, e.g. a file's path; may be empty
 * @returns {{ line: number, values: number[] }[]} `line` counts from 1
 * @throws {UserFault} naming source, line and value where something isn't a finite number
 */
export function parseNumbers(text, source) {
  let records;
  try {
    records = parse(text, { bom: true, info: true, relax_column_count: true, skip_empty_lines: true, trim: true });
  } catch (error) {
    if (error instanceof CsvError) throw new UserFault(`${prefix(source)}${error.message}`, { cause: error });
    throw error;
  }
  return records.map(({ info, record }) => {
    const line = info.lines;
    return { line, values: record.map((cell, column) => toNumber(cell, source, line, column + 1)) };
  });
}

/** The start of a message: `train/a.csv line 3: `, or without a source `line 3: `. */
export function place(source, line) {
  return `${source}${source === '' ? '' : ' '}line ${line}: `;
}

function toNumber(cell, source, line, column) {
  const value = cell === '' ? NaN : Number(cell);
  if (Number.isFinite(value)) return value;
  const shown = cell === '' ? 'is empty' : `is '${cell.slice(0, 40)}'`;
  const header =
    line === 1 && /[a-z]/i.test(cell) && cell.toLowerCase() !== 'nan' ? '. Is it a header? There must be none' : '';
  throw new UserFault(`${place(source, line)}value ${column} ${shown}, which is not a finite number${header}`);
}

const prefix = (source) => (source === '' ? '' : `${source}: `);
