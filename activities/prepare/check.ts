import { escapeIdentifier } from 'pg';
import type { WarehouseCheck } from '../../contracts/definition/prepare.js';
import type { CheckedNumber } from '../../contracts/prepare.js';
import { fail } from '../errors.js';
import type { Session } from './session.js';
import { bare, tableName } from './sql.js';

/** Runs every check, and fails with all that did not hold: one fault at a time would cost a run each. */
export async function runChecks(session: Session, checks: readonly WarehouseCheck[]): Promise<CheckedNumber[]> {
  const done: CheckedNumber[] = [];
  for (const check of checks) {
    const values = await numbersOf(session, check);
    done.push({ name: check.name, values, ok: values.every((value) => holds(check, value)) });
  }
  const failed = checks.flatMap((check, index) => (done[index]?.ok ? [] : [inWords(check, done[index]?.values ?? [])]));
  if (failed.length > 0)
    throw fail(
      'DataInvalid',
      `${session.name}: ${failed.length} of ${checks.length} checks of prepare.redshift failed: ${failed.join('; ')}. Nothing was exported: put the data right, or the bounds, then start a new run`,
    );
  return done;
}

const holds = ({ min = -Infinity, max = Infinity }: WarehouseCheck, value: number) => value >= min && value <= max;

function inWords(check: WarehouseCheck, values: readonly number[]): string {
  return `"${check.name}" is ${values.map((value) => (Number.isNaN(value) ? 'no number' : value)).join(' to ')}, wanted ${boundsInWords(check)}`;
}

/** `at least 1 and at most 9` */
export const boundsInWords = ({ min, max }: Pick<WarehouseCheck, 'min' | 'max'>): string =>
  [...(min === undefined ? [] : [`at least ${min}`]), ...(max === undefined ? [] : [`at most ${max}`])].join(' and ');

/** One number; least and greatest of a range, for an empty table no numbers, which is no failure of the range. */
async function numbersOf(session: Session, check: WarehouseCheck): Promise<number[]> {
  const sql = checkStatement(check);
  const { rows, fields } = await session.query<Record<string, unknown>>(`check "${check.name}"`, sql);
  const [row] = rows;
  if (rows.length !== 1 || !row)
    throw fail(
      'DefinitionInvalid',
      `check "${check.name}" of prepare.redshift answers ${rows.length} rows: it must answer one number`,
    );
  const values = fields.map(({ name }) => row[name]);
  if (check.range) return values.filter((value) => value !== null).map(Number);
  if (values.length !== 1)
    throw fail(
      'DefinitionInvalid',
      `check "${check.name}" of prepare.redshift answers ${values.length} columns: it must answer one number`,
    );
  return [values[0] === null ? Number.NaN : Number(values[0])];
}

/** The query of a check. */
export function checkStatement({ query, rows, nulls, range }: WarehouseCheck): string {
  if (query) return bare(query.sql);
  if (rows !== undefined) return `SELECT count(*) AS found FROM ${tableName(rows)}`;
  if (nulls)
    return `SELECT count(*) AS found FROM ${tableName(nulls.table)} WHERE ${escapeIdentifier(nulls.column)} IS NULL`;
  const column = escapeIdentifier(range?.column ?? '');
  return `SELECT min(${column}) AS least, max(${column}) AS greatest FROM ${tableName(range?.table ?? '')}`;
}
