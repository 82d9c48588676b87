import { createHash } from 'node:crypto';
import { chainText, GENESIS, type ChainRow } from '../../../contracts/purge/audit.js';
import type { AuditWorld } from './world.js';

/** Something that somebody does to the record of purges, and the words that must tell of it. */
export interface Tampering {
  readonly name: string;
  readonly found: RegExp;
  readonly tamper: (world: AuditWorld) => Promise<void>;
}

const TRIGGERS = ['audit_chain_append_only', 'audit_chain_continues'];

/** As the owner of the table, who puts the guards back so that they tell nothing. */
async function unguarded(world: AuditWorld, ...statements: string[]): Promise<void> {
  await world.pool.query(
    [
      'BEGIN',
      'ALTER TABLE audit_chain DISABLE TRIGGER USER',
      ...statements,
      ...TRIGGERS.map((name) => `ALTER TABLE audit_chain ENABLE ALWAYS TRIGGER ${name}`),
      'COMMIT',
    ].join(';'),
  );
}

const sql = (statement: string) => (world: AuditWorld) => unguarded(world, statement);

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
const insertOf = ({ sequence, at, kind, body, previous, hash, seal }: ChainRow) =>
  `INSERT INTO audit_chain (sequence, at, kind, body, previous, hash, seal)
   VALUES (${sequence}, ${[at, kind, body, previous, hash, seal].map(literal).join(', ')})`;

const allRows = async (world: AuditWorld) => (await world.ledger.readChain({ sequence: 0 }, 1_000)).rows;

/** Rows with another content, each with the hash that fits it. */
function chained(rows: readonly ChainRow[], from: Pick<ChainRow, 'sequence' | 'hash'>, seal?: AuditWorld): ChainRow[] {
  const made: ChainRow[] = [];
  for (const row of rows) {
    const { sequence, hash: previous } = made.at(-1) ?? from;
    const text = { ...row, sequence: sequence + 1, previous };
    const hash = createHash('sha256').update(chainText(text)).digest('hex');
    made.push({ ...text, hash, seal: seal ? seal.hashes.seal(hash) : row.seal });
  }
  return made;
}

/** The chain from row `from` on, told otherwise, with every hash right. With `sealed` by somebody who has the key in SSM too. */
export function rewritten(from: number, { sealed }: { readonly sealed: boolean }) {
  return async (world: AuditWorld) => {
    const rows = await allRows(world);
    const kept = rows.filter(({ sequence }) => sequence < from);
    const others = rows
      .slice(kept.length)
      .map((row) => ({ ...row, body: row.body.replaceAll('"versions":5', '"versions":50').replace('ada', 'bob') }));
    const changed = chained(others, kept.at(-1) ?? { sequence: 0, hash: GENESIS }, sealed ? world : undefined);
    await unguarded(world, `DELETE FROM audit_chain WHERE sequence >= ${from}`, ...changed.map(insertOf));
  };
}

/** One more row at the end, of a purge that never was. */
async function append(world: AuditWorld, { event, last = 0 }: { event: string; last?: number }): Promise<void> {
  const rows = await allRows(world);
  const copied = rows.at(last - 1) as ChainRow;
  const [row] = chained([{ ...copied, body: copied.body.replaceAll(/DSR-\d/g, event) }], rows.at(-1) as ChainRow);
  await world.pool.query(insertOf(row as ChainRow));
}

const withoutKeys =
  'ALTER TABLE audit_chain DROP CONSTRAINT audit_chain_pkey, DROP CONSTRAINT audit_chain_hash_key; DROP INDEX audit_chain_event';

/** Of a chain of three purges, four rows each: requested, two targets, ended. */
export const DATABASE_TAMPERINGS: readonly Tampering[] = [
  {
    name: 'a body is changed',
    found: /^row 4 was changed/,
    tamper: sql(`UPDATE audit_chain SET body = replace(body, 'Purged', 'Blocked') WHERE sequence = 4`),
  },
  {
    name: 'a space is added to a body',
    found: /^row 5 was changed/,
    tamper: sql(`UPDATE audit_chain SET body = body || ' ' WHERE sequence = 5`),
  },
  {
    name: 'a body is changed, its hash with it',
    found: /^row 5 does not follow from the row before it/,
    tamper: async (world) => {
      const [before, row] = (await allRows(world)).slice(2, 4) as [ChainRow, ChainRow];
      const body = row.body.replace('Purged', 'Blocked');
      const [changed] = chained([{ ...row, body }], before, world) as [ChainRow];
      await unguarded(world, 'DELETE FROM audit_chain WHERE sequence = 4', insertOf(changed));
    },
  },
  {
    name: 'a time is changed',
    found: /^row 1 was changed/,
    tamper: sql(`UPDATE audit_chain SET at = '2025-01-01T00:00:00.000Z' WHERE sequence = 1`),
  },
  {
    name: 'a kind is changed',
    found: /^row 5 was changed/,
    tamper: sql(`UPDATE audit_chain SET kind = 'lifted' WHERE sequence = 5`),
  },
  {
    name: 'a hash is changed',
    found: /^row 6 was changed/,
    tamper: sql(`UPDATE audit_chain SET hash = repeat('a', 64) WHERE sequence = 6`),
  },
  {
    name: 'the hash of the row before is changed',
    found: /^row 6 does not follow from the row before it/,
    tamper: sql(`UPDATE audit_chain SET previous = repeat('a', 64) WHERE sequence = 6`),
  },
  {
    name: 'a seal is changed',
    found: /^row 7 was not written by Perennial/,
    tamper: sql(`UPDATE audit_chain SET seal = repeat('a', 43) WHERE sequence = 7`),
  },
  {
    name: 'the first row is deleted',
    found: /^row 1 is missing/,
    tamper: sql('DELETE FROM audit_chain WHERE sequence = 1'),
  },
  {
    name: 'rows in the middle are deleted',
    found: /^rows 5 to 7 are missing/,
    tamper: sql('DELETE FROM audit_chain WHERE sequence BETWEEN 5 AND 7'),
  },
  {
    name: 'the last row is deleted',
    found: /anchors row 12, but the chain ends with row 11: rows were removed/,
    tamper: sql('DELETE FROM audit_chain WHERE sequence = 12'),
  },
  {
    name: 'the last purge is deleted',
    found: /anchors row 12, but the chain ends with row 8: rows were removed/,
    tamper: sql('DELETE FROM audit_chain WHERE sequence > 8'),
  },
  { name: 'all rows are deleted', found: /the chain ends with row 0/, tamper: sql('DELETE FROM audit_chain') },
  { name: 'the table is truncated', found: /the chain ends with row 0/, tamper: sql('TRUNCATE audit_chain') },
  {
    name: 'a row is inserted in the middle, the later ones moved',
    found: /^row 7 does not follow from the row before it/,
    tamper: async (world) => {
      const rows = await allRows(world);
      const more = rows[5] as ChainRow;
      const [forged] = chained([{ ...more, body: more.body.replace('DSR-2', 'DSR-9') }], rows[4] as ChainRow, world);
      await unguarded(
        world,
        'UPDATE audit_chain SET sequence = sequence + 1000 WHERE sequence > 5',
        'UPDATE audit_chain SET sequence = sequence - 999 WHERE sequence > 1000',
        insertOf(forged as ChainRow),
      );
    },
  },
  {
    name: 'two rows are swapped',
    found: /^row 6 (does not follow|was changed)/,
    tamper: sql(
      'UPDATE audit_chain SET sequence = -sequence WHERE sequence IN (6, 7); UPDATE audit_chain SET sequence = 13 + sequence WHERE sequence < 0'.replace(
        'UPDATE',
        'ALTER TABLE audit_chain DROP CONSTRAINT audit_chain_sequence_check; UPDATE',
      ),
    ),
  },
  {
    name: 'a row is deleted and the gap closed',
    found: /^row 6 does not follow from the row before it/,
    tamper: sql(
      'DELETE FROM audit_chain WHERE sequence = 6; UPDATE audit_chain SET sequence = sequence + 999 WHERE sequence > 6; UPDATE audit_chain SET sequence = sequence - 1000 WHERE sequence > 1000',
    ),
  },
  {
    name: 'a row is there twice',
    found: /^row 8 is there twice/,
    tamper: sql(
      `${withoutKeys}; INSERT INTO audit_chain (sequence, at, kind, body, previous, hash, seal)
       SELECT sequence, at, kind, body, previous, hash, seal FROM audit_chain WHERE sequence = 8`,
    ),
  },
  {
    name: 'a row is put before the first',
    found: /^row 0 has no place in the chain/,
    tamper: sql(
      `ALTER TABLE audit_chain DROP CONSTRAINT audit_chain_sequence_check;
       INSERT INTO audit_chain (sequence, at, kind, body, previous, hash, seal)
       SELECT 0, at, kind, replace(body, 'DSR-1', 'DSR-0'), previous, repeat('b', 64), seal FROM audit_chain WHERE sequence = 1`,
    ),
  },
  {
    name: 'an event is repeated at the end',
    found: /^row 13 was not written by Perennial/,
    tamper: async (world) => {
      await world.pool.query('DROP INDEX audit_chain_event');
      await append(world, { event: 'DSR-3', last: 12 });
    },
  },
  {
    name: 'a purge that never was is appended, with the right hash',
    found: /^row 13 was not written by Perennial/,
    tamper: (world) => append(world, { event: 'DSR-9', last: 9 }),
  },
  {
    name: 'the whole chain is rewritten by the owner of the database',
    found: /^row 1 was not written by Perennial/,
    tamper: rewritten(1, { sealed: false }),
  },
  {
    name: 'the whole chain is rewritten by somebody who has the key in SSM too',
    found: /^row 1 is not the one that head s3:\S+ anchors: the chain was rewritten/,
    tamper: rewritten(1, { sealed: true }),
  },
  {
    name: 'the end is rewritten by somebody who has the key in SSM too',
    found: /^row 12 is not the one that head s3:\S+ anchors/,
    tamper: rewritten(12, { sealed: true }),
  },
  {
    name: 'the database is put back to a backup, and goes on',
    found: /^row 9 is not the one that head s3:\S+ anchors/,
    tamper: async (world) => {
      await unguarded(world, 'DELETE FROM audit_chain WHERE sequence > 8');
      const { kind, ...body } = world.requested(world.ref('DSR-4'));
      await world.ledger.appendChain([{ kind, body }], (hash) => world.hashes.seal(hash));
    },
  },
  {
    name: 'the trigger that refuses changes is dropped',
    found:
      /^trigger audit_chain_append_only of table audit_chain, which refuses UPDATE, DELETE and TRUNCATE, is missing/,
    tamper: async ({ pool }) => void (await pool.query('DROP TRIGGER audit_chain_append_only ON audit_chain')),
  },
  {
    name: 'the triggers are disabled',
    found: /^trigger audit_chain_append_only .* is not always enabled/,
    tamper: async ({ pool }) => void (await pool.query('ALTER TABLE audit_chain DISABLE TRIGGER USER')),
  },
  {
    name: 'the function behind the trigger does nothing any more',
    found: /^table audit_chain accepts UPDATE/,
    tamper: async ({ pool }) =>
      void (await pool.query(
        'CREATE OR REPLACE FUNCTION audit_chain_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$',
      )),
  },
  {
    name: 'the trigger is made for UPDATE alone',
    found: /^trigger audit_chain_append_only .* was replaced/,
    tamper: async ({ pool }) =>
      void (await pool.query(`DROP TRIGGER audit_chain_append_only ON audit_chain;
        CREATE TRIGGER audit_chain_append_only BEFORE UPDATE ON audit_chain
          FOR EACH STATEMENT EXECUTE FUNCTION audit_chain_refuse();
        ALTER TABLE audit_chain ENABLE ALWAYS TRIGGER audit_chain_append_only`)),
  },
];
