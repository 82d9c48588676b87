import { parse } from 'csv-parse/sync';
import { isForCsv, parsePath, select, selectFields, type JsonPath } from './json-path.js';

/** How the records of a content type are filtered and joined to their answers. */
export interface RecordFormat {
  /** Throws for a path that can't be used on such records. */
  path(text: string): JsonPath;
  /** What a path selects of a record, as a record. */
  filter(record: string, path: JsonPath): string;
  /** AWS: CSV answers are appended; JSON ones become the member `SageMakerOutput`. */
  join(record: string, answer: string): string;
}

const csv: RecordFormat = {
  path(text) {
    const path = parsePath(text);
    if (!isForCsv(path)) throw new Error(`"${text}" is not a filter for CSV: use $, $[n], $[a,b] or $[a:b]`);
    return path;
  },
  filter: (record, path) => lineOf(selectFields(fieldsOf(record), path)),
  join: (record, answer) => `${record},${answer}`,
};

const json: RecordFormat = {
  path: parsePath,
  filter: (record, path) => JSON.stringify(select(readJson(record), path)),
  join(record, answer) {
    const input = readJson(record);
    const SageMakerOutput = readJson(answer);
    const isObject = typeof input === 'object' && input !== null && !Array.isArray(input);
    return JSON.stringify(isObject ? { ...input, SageMakerOutput } : { SageMakerInput: input, SageMakerOutput });
  },
};

const FORMATS: Readonly<Record<string, RecordFormat>> = {
  'text/csv': csv,
  'application/json': json,
  'application/jsonlines': json,
};

/** A content type without its parameters. */
export function mediaType(contentType: string | undefined): string | undefined {
  return contentType?.split(';')[0]?.trim().toLowerCase();
}

/** The format of a content type, or undefined where DataProcessing is not for it. */
export function formatOf(contentType: string | undefined): RecordFormat | undefined {
  return FORMATS[mediaType(contentType) ?? ''];
}

/** Content types that DataProcessing is for. */
export const FORMAT_NAMES = Object.keys(FORMATS).join(', ');

/** The fields of one CSV line. */
function fieldsOf(line: string): string[] {
  // Most lines have no quotes, and a parser for each of a million is slow.
  if (!line.includes('"')) return line.split(',');
  const [record = []] = parse(line, { relax_column_count: true, relax_quotes: true }) as string[][];
  return record;
}

/** One CSV line of fields, quoted where they must be. */
function lineOf(record: readonly string[]): string {
  return record.map((text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(',');
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`"${text.slice(0, 100)}" is not JSON`, { cause });
  }
}
