import type { Pool } from 'pg';

/** pg_trigger.tgtype: bits of PostgreSQL's catalog (src/include/catalog/pg_trigger.h). */
const BEFORE_UPDATE_DELETE_TRUNCATE = 2 | 8 | 16 | 32;
const BEFORE_ROW_INSERT = 1 | 2 | 4;

const TRIGGERS = [
  {
    name: 'audit_chain_append_only',
    type: BEFORE_UPDATE_DELETE_TRUNCATE,
    calls: 'audit_chain_refuse',
    does: 'refuses UPDATE, DELETE and TRUNCATE',
  },
  {
    name: 'audit_chain_continues',
    type: BEFORE_ROW_INSERT,
    calls: 'audit_chain_extend',
    does: 'refuses rows that do not continue the chain',
  },
] as const;

const UNIQUE = ['audit_chain_pkey', 'audit_chain_event', 'audit_chain_hash_key'];

/** Far beyond any row, so that it can't be the next one. */
const FOREIGN_ROW = `INSERT INTO audit_chain (sequence, at, kind, body, previous, hash, seal)
  VALUES (9007199254740991, '', 'lifted', '{"request":"","execution":""}', '', '', '')`;

/** Statements that must be refused, by what they are. None meets a row, and all are rolled back. */
const REFUSED = {
  UPDATE: 'UPDATE audit_chain SET body = body WHERE false',
  DELETE: 'DELETE FROM audit_chain WHERE false',
  'INSERT of a row that does not continue the chain': FOREIGN_ROW,
};

/** SQLSTATE: restrict_violation, which the triggers raise; insufficient_privilege. */
const REFUSALS = ['23001', '42501'];

/** See Ledger.chainGuards. */
export async function chainGuards(pool: Pool): Promise<string[]> {
  return [...(await triggerFaults(pool)), ...(await missingIndexes(pool)), ...(await acceptedStatements(pool))];
}

async function triggerFaults(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string; enabled: string; type: number; calls: string }>(
    `SELECT t.tgname AS name, t.tgenabled AS enabled, t.tgtype::int AS type, p.proname AS calls
     FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE t.tgrelid = 'audit_chain'::regclass AND NOT t.tgisinternal`,
  );
  return TRIGGERS.flatMap(({ name, type, calls, does }) => {
    const found = rows.find((row) => row.name === name);
    const trigger = `trigger ${name} of table audit_chain, which ${does},`;
    if (!found) return [`${trigger} is missing`];
    // A: ALWAYS, also in a session that says it replays another server's changes.
    if (found.enabled !== 'A') return [`${trigger} is not always enabled`];
    return found.type === type && found.calls === calls ? [] : [`${trigger} was replaced`];
  });
}

async function missingIndexes(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = 'audit_chain'::regclass AND i.indisunique AND i.indisvalid`,
  );
  return UNIQUE.filter((name) => !rows.some((row) => row.name === name)).map(
    (name) => `unique index ${name} of table audit_chain is missing`,
  );
}

/** What a trigger is worth is seen where its function was made another. */
async function acceptedStatements(pool: Pool): Promise<string[]> {
  const client = await pool.connect();
  const accepted: string[] = [];
  try {
    for (const [what, statement] of Object.entries(REFUSED)) {
      await client.query('BEGIN');
      try {
        await client.query(statement);
        accepted.push(`table audit_chain accepts ${what}`);
      } catch (error) {
        if (!REFUSALS.includes((error as { code?: string }).code ?? '')) throw error;
      } finally {
        await client.query('ROLLBACK');
      }
    }
  } finally {
    client.release();
  }
  return accepted;
}
