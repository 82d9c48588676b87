import type { Column } from '../protocol/messages.js';
import type { S3Place } from '../sql/options.js';
import type { UnloadedFile } from './files.js';
import { uriOf } from './s3.js';

/** PostgreSQL's numbers of types, with the names that a manifest has for them. */
const TYPES: Readonly<Record<number, string>> = {
  16: 'boolean',
  20: 'bigint',
  21: 'smallint',
  23: 'integer',
  25: 'character varying',
  700: 'real',
  701: 'double precision',
  1042: 'character',
  1043: 'character varying',
  1082: 'date',
  1083: 'time without time zone',
  1114: 'timestamp without time zone',
  1184: 'timestamp with time zone',
  1700: 'numeric',
};
const NUMERIC = 1700;
const CHARACTERS = [25, 1042, 1043];
/** Redshift's TEXT is a VARCHAR(256). */
const TEXT_LENGTH = 256;
const MODIFIER_HEADER = 4;

function typeOf({ type, modifier }: Column): object {
  const base = TYPES[type] ?? 'character varying';
  if (type === NUMERIC && modifier >= MODIFIER_HEADER) {
    const bits = modifier - MODIFIER_HEADER;
    return { base, precision: bits >> 16, scale: bits & 0x7ff };
  }
  if (CHARACTERS.includes(type))
    return { base, max_length: modifier >= MODIFIER_HEADER ? modifier - MODIFIER_HEADER : TEXT_LENGTH };
  return { base };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** The manifest of an UNLOAD. Rows are counted, and columns described, in a verbose one only. */
export function manifestOf(
  to: S3Place,
  files: readonly UnloadedFile[],
  verbose: boolean,
  columns: readonly Column[],
): string {
  const entries = files.map(({ key, bytes, rows }) => ({
    url: uriOf({ bucket: to.bucket, key }),
    meta: { content_length: bytes, ...(verbose ? { record_count: rows } : {}) },
  }));
  const more = {
    schema: { elements: columns.map((column) => ({ name: column.name, type: typeOf(column) })) },
    meta: { content_length: sum(files.map(({ bytes }) => bytes)), record_count: sum(files.map(({ rows }) => rows)) },
    author: { name: 'Amazon Redshift', version: '1.0.0' },
  };
  return `${JSON.stringify({ entries, ...(verbose ? more : {}) }, null, 2)}\n`;
}
