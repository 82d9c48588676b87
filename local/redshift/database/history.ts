import type pg from 'pg';
import { type Statement, withoutPasswords } from '../sql/statement.js';
import type { SqlError } from '../protocol/messages.js';
import type { LoadError } from '../transfer/copy.js';

/** Who runs statements. */
export interface SessionRef {
  readonly role: string;
  /** The process of the database, which pg_cancel_backend takes. */
  readonly pid: number;
}

/** A statement as it was received, with what became of it. */
export interface StatementRecord {
  readonly id: number;
  readonly user: string;
  readonly label: string;
  readonly session: number;
  readonly type: string;
  readonly status: 'running' | 'success' | 'failed' | 'canceled';
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly errorCode: string | null;
  readonly error: string | null;
  readonly rows: number;
  readonly bytes: number;
  readonly text: string;
}

/** A statement that runs. */
export interface Entry {
  readonly id: number;
  rows: number;
  bytes: number;
  error?: SqlError;
}

const CANCELED = '57014';
const NOW = `timezone('UTC', clock_timestamp())`;

/** All statements in the order in which they came, in the warehouse itself: the source of sys_query_history. */
export class History {
  constructor(private readonly pool: pg.Pool) {}

  async transaction(): Promise<number> {
    const { rows } = await this.pool.query<{ id: string }>(`SELECT nextval('redshift_local.transactions') AS id`);
    return Number(rows[0]?.id);
  }

  /** Written down before the statement runs. */
  async begin(
    session: SessionRef,
    label: string,
    transaction: number,
    statement: Pick<Statement, 'type' | 'text'>,
  ): Promise<Entry> {
    const { rows } = await this.pool.query<{ id: string }>(
      `INSERT INTO redshift_local.queries (user_name, query_label, transaction_id, session_id, query_type, status, start_time, query_text)
       VALUES ($1, $2, $3, $4, $5, 'running', ${NOW}, $6) RETURNING query_id AS id`,
      [session.role, label, transaction, session.pid, statement.type, withoutPasswords(statement.text)],
    );
    return { id: Number(rows[0]?.id), rows: 0, bytes: 0 };
  }

  /** Written down before the client hears of it. */
  async end({ id, rows, bytes, error }: Entry): Promise<void> {
    const status = error ? (error.code === CANCELED ? 'canceled' : 'failed') : 'success';
    await this.pool.query(
      `UPDATE redshift_local.queries SET status = $2, end_time = ${NOW}, error_code = $3, error_message = $4, returned_rows = $5,
         returned_bytes = $6 WHERE query_id = $1`,
      [id, status, error?.code ?? null, error?.message ?? null, rows, bytes],
    );
  }

  async badRow(session: SessionRef, { id }: Entry, error: LoadError): Promise<void> {
    await this.pool.query(`INSERT INTO redshift_local.load_errors VALUES ($1, $2, $3, ${NOW}, $4, $5, $6, $7)`, [
      id,
      session.role,
      session.pid,
      error.file,
      error.line,
      error.column ?? null,
      error.reason.slice(0, 100),
    ]);
  }

  /** In the order in which they came; those of a label only if one is given. */
  async statements(label?: string): Promise<StatementRecord[]> {
    const { rows } = await this.pool.query<
      Omit<StatementRecord, 'id' | 'rows' | 'bytes'> & Record<'id' | 'rows' | 'bytes', string>
    >(
      `SELECT query_id AS id, user_name AS "user", query_label AS label, session_id AS session, query_type AS type, status,
         to_char(start_time, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "startedAt", to_char(end_time, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "endedAt",
         error_code AS "errorCode", error_message AS error, returned_rows AS rows, returned_bytes AS bytes, query_text AS text
       FROM redshift_local.queries WHERE $1::text IS NULL OR query_label = $1 ORDER BY query_id`,
      [label ?? null],
    );
    return rows.map((row) => ({ ...row, id: Number(row.id), rows: Number(row.rows), bytes: Number(row.bytes) }));
  }
}
