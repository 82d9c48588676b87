import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { canonicalJson } from '../contracts/canonical.js';
import { chainText, GENESIS, type ChainKind, type ChainRow } from '../contracts/purge/audit.js';
import { inTransaction, LOCKS } from './transaction.js';
import type { ChainEntry, Seal } from './types.js';

/** Rows of one INSERT. */
const BATCH = 1_000;

type Row = Omit<ChainRow, 'sequence'> & { readonly sequence: string };

const COLUMNS = 'sequence, at, kind, body, previous, hash, seal';

/** pg answers a bigint as text; a chain stays far below 2^53 rows. */
const toRow = (row: Row): ChainRow => ({ ...row, sequence: Number(row.sequence) });

/** See Ledger.appendChain. */
export async function appendChain(pool: Pool, entries: readonly ChainEntry[], seal: Seal): Promise<ChainRow> {
  const last = entries.at(-1);
  if (!last) throw new RangeError('Nothing to append to the chain: give at least one entry');
  return inTransaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock($1, $2)', [...LOCKS.chain]);
    const before = await end(client);
    const known = await knownEvents(client, last);
    // Also of these: a list may name a target twice.
    const fresh = entries.filter((entry) => !known.has(eventOf(entry)) && known.add(eventOf(entry)));
    const at = await timeAfter(client, before?.at);
    const rows: ChainRow[] = [];
    for (const { kind, body } of fresh) {
      const { sequence, hash: previous } = rows.at(-1) ?? before ?? { sequence: 0, hash: GENESIS };
      const text = { sequence: sequence + 1, at, kind, body: canonicalJson(body), previous };
      const hash = createHash('sha256').update(chainText(text)).digest('hex');
      rows.push({ ...text, hash, seal: seal(hash) });
    }
    for (let start = 0; start < rows.length; start += BATCH) await insert(client, rows.slice(start, start + BATCH));
    return rowOfEvent(client, last);
  });
}

/** See Ledger.readChain. */
export async function readChain(
  pool: Pool,
  after: { readonly sequence: number; readonly place?: string },
  limit: number,
): Promise<{ rows: ChainRow[]; place?: string }> {
  // By place on disk as well: where somebody has removed the key, a sequence may be there twice.
  const { rows } = await pool.query<Row & { place: string }>(
    `SELECT ${COLUMNS}, ctid::text AS place FROM audit_chain
     WHERE (sequence, ctid) > ($1, $2::tid) ORDER BY sequence, ctid LIMIT $3`,
    [after.sequence, after.place ?? '(4294967295,65535)', limit],
  );
  const place = rows.at(-1)?.place;
  return { rows: rows.map(({ place: _place, ...row }) => toRow(row)), ...(place !== undefined && { place }) };
}

/** See Ledger.chainOfRequest. */
export async function chainOfRequest(
  pool: Pool,
  request: string,
): Promise<{ rows: ChainRow[]; targets: { execution: string; targets: number }[] }> {
  const events = await pool.query<Row>(
    `SELECT ${COLUMNS} FROM audit_chain WHERE request = $1 AND kind <> 'target' ORDER BY sequence`,
    [request],
  );
  const targets = await pool.query<{ execution: string; targets: string }>(
    `SELECT execution, count(*) AS targets FROM audit_chain WHERE request = $1 AND kind = 'target' GROUP BY execution`,
    [request],
  );
  return {
    rows: events.rows.map(toRow),
    targets: targets.rows.map(({ execution, targets: count }) => ({ execution, targets: Number(count) })),
  };
}

/** See Ledger.chainTargets. */
export async function chainTargets(
  pool: Pool,
  { request, execution }: { readonly request: string; readonly execution: string },
  limit: number,
): Promise<ChainRow[]> {
  const { rows } = await pool.query<Row>(
    `SELECT ${COLUMNS} FROM audit_chain WHERE request = $1 AND execution = $2 AND kind = 'target'
     ORDER BY sequence LIMIT $3`,
    [request, execution, limit],
  );
  return rows.map(toRow);
}

/** See Ledger.chainByTarget. */
export async function chainByTarget(pool: Pool, hashes: readonly string[]): Promise<ChainRow[]> {
  const { rows } = await pool.query<Row>(
    `SELECT ${COLUMNS} FROM audit_chain WHERE target = ANY ($1) ORDER BY sequence`,
    [hashes],
  );
  return rows.map(toRow);
}

/** See Ledger.chainWithoutTargets. */
export async function chainWithoutTargets(pool: Pool): Promise<ChainRow[]> {
  const { rows } = await pool.query<Row>(
    `SELECT ${COLUMNS} FROM audit_chain e WHERE kind = 'ended' AND NOT EXISTS (
       SELECT FROM audit_chain t WHERE t.request = e.request AND t.execution = e.execution AND t.kind = 'target')
     ORDER BY sequence`,
  );
  return rows.map(toRow);
}

const eventOf = ({ kind, body }: ChainEntry) => `${kind} ${body.target?.hash ?? ''}`;

async function end(client: PoolClient): Promise<ChainRow | undefined> {
  const { rows } = await client.query<Row>(`SELECT ${COLUMNS} FROM audit_chain ORDER BY sequence DESC LIMIT 1`);
  return rows[0] && toRow(rows[0]);
}

/** What an execution has in the chain already. */
async function knownEvents(client: PoolClient, { body }: ChainEntry): Promise<Set<string>> {
  const { rows } = await client.query<{ kind: ChainKind; target: string | null }>(
    'SELECT kind, target FROM audit_chain WHERE request = $1 AND execution = $2',
    [body.request, body.execution],
  );
  return new Set(rows.map(({ kind, target }) => `${kind} ${target ?? ''}`));
}

/** The database's time, which never goes back in the chain. */
async function timeAfter(client: PoolClient, before = ''): Promise<string> {
  const { rows } = await client.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const now = (rows[0] as { now: Date }).now.toISOString();
  return now > before ? now : before;
}

async function insert(client: PoolClient, rows: readonly ChainRow[]): Promise<void> {
  const column = <T>(pick: (row: ChainRow) => T) => rows.map(pick);
  await client.query(
    `INSERT INTO audit_chain (${COLUMNS})
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
       AS r (sequence, at, kind, body, previous, hash, seal) ORDER BY r.sequence`,
    [
      ...[column(({ sequence }) => sequence), column(({ at }) => at), column(({ kind }) => kind)],
      ...[column(({ body }) => body), column(({ previous }) => previous), column(({ hash }) => hash)],
      column(({ seal }) => seal),
    ],
  );
}

async function rowOfEvent(client: PoolClient, { kind, body }: ChainEntry): Promise<ChainRow> {
  const { rows } = await client.query<Row>(
    `SELECT ${COLUMNS} FROM audit_chain
     WHERE request = $1 AND execution = $2 AND kind = $3 AND coalesce(target, '') = $4`,
    [body.request, body.execution, kind, body.target?.hash ?? ''],
  );
  return toRow(rows[0] as Row);
}
