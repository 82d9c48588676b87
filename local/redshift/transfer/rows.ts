import type { CopyStatement } from '../sql/copy.js';
import { type Convert, dateConverter } from './dates.js';

/** A column that is loaded, as PostgreSQL describes it. */
export interface TargetColumn {
  readonly name: string;
  /** pg_type's: S for text, D for dates and times. */
  readonly category: string;
  readonly type: string;
}

/** A row that does not fit, in the words of stl_load_errors. */
export class BadRow extends Error {
  constructor(
    reason: string,
    readonly column?: string,
  ) {
    super(reason);
  }
}

const DEFAULT_NULL = '\\N';

const ESCAPE: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
const SPECIAL = /[\\\t\n\r]/;
const escaped = (field: string) =>
  SPECIAL.test(field) ? field.replace(/[\\\t\n\r]/g, (char) => ESCAPE[char] as string) : field;

function converterOf(column: TargetColumn, copy: CopyStatement): Convert | undefined {
  if (column.type === 'date') return dateConverter('DATEFORMAT', copy.dateFormat);
  if (column.type.startsWith('timestamp')) return dateConverter('TIMEFORMAT', copy.timeFormat);
  return undefined;
}

/** Whether a byte sequence that the text holds, one character a byte, is no UTF-8; with what stands for it. */
function repaired(field: string, replacement: string): string {
  return Buffer.from(field, 'latin1').toString('utf8').replaceAll('\ufffd', replacement);
}

/**
 * Makes rows as PostgreSQL's COPY reads them from records as Redshift's does: which fields are null, how dates are written.
 * @throws SqlError for a date format that can't be followed
 */
export function rowWriter(
  columns: readonly TargetColumn[],
  copy: CopyStatement,
): (fields: readonly string[]) => string {
  const nullAs = copy.nullAs ?? DEFAULT_NULL;
  const plans = columns.map((column) => ({
    column,
    isText: column.category === 'S',
    convert: converterOf(column, copy),
  }));
  const one = (field: string, { column, isText, convert }: (typeof plans)[number]): string => {
    if (field === nullAs) return '\\N';
    if (field === '' && (!isText || copy.emptyAsNull)) return '\\N';
    if (field.trim() === '' && field !== '' && (!isText || copy.blanksAsNull)) return '\\N';
    const value = convert ? convert(field) : field;
    if (value === undefined)
      throw new BadRow(`Invalid ${column.type.startsWith('date') ? 'Date' : 'timestamp'} format`, column.name);
    const clean =
      copy.acceptInvalid === undefined ? value : Buffer.from(repaired(value, copy.acceptInvalid)).toString('latin1');
    return escaped(clean);
  };
  return (fields) => {
    if (fields.length < plans.length) throw new BadRow('Delimiter not found');
    if (fields.length > plans.length) throw new BadRow('Extra column(s) found');
    let row = '';
    for (let at = 0; at < plans.length; at += 1)
      row += (at === 0 ? '' : '\t') + one(fields[at] as string, plans[at] as (typeof plans)[number]);
    return `${row}\n`;
  };
}
