import type { RedshiftPrepare } from '../../contracts/definition/prepare.js';
import { warehouseFailure } from './failures.js';
import type { Session } from './session.js';
import { copyStatement, tableName } from './sql.js';

/** Statements that make what the loads and the query need; each is safe to repeat by its author's word. */
export async function runSetup(session: Session, { setup }: RedshiftPrepare): Promise<void> {
  for (const { file, sql } of setup) await session.query(`run ${file}`, sql);
}

/** Replaces the content of each table in one transaction: whoever reads sees the old rows or the new ones, and a repetition doubles none. */
export async function runLoads(
  session: Session,
  { load: loads, role = '' }: RedshiftPrepare,
): Promise<{ table: string; rows: number }[]> {
  const done: { table: string; rows: number }[] = [];
  for (const load of loads) {
    const action = `load ${load.table}`;
    await session.query(action, 'BEGIN');
    try {
      // Not TRUNCATE, which ends the transaction in Redshift.
      await session.query(action, `DELETE FROM ${tableName(load.table)}`);
      await session.query(action, copyStatement(load, role));
      const { rows } = await session.query<{ rows: string }>(action, 'SELECT pg_last_copy_count() AS rows');
      await session.query(action, 'COMMIT');
      done.push({ table: load.table, rows: Number(rows[0]?.rows) });
    } catch (error) {
      await session.client.query('ROLLBACK').catch(() => undefined);
      throw warehouseFailure(error, { warehouse: session.name, action });
    }
  }
  return done;
}
