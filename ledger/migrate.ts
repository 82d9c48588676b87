import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Pool, PoolClient } from 'pg';
import { inTransaction, LOCKS } from './transaction.js';

/** The database's schema and the program's migrations contradict each other. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/**
 * Brings the database's schema up to date, all pending migrations in one transaction. Safe to call from several
 * workers at once: one applies, the others wait and find nothing to do.
 *
 * @param folder absolute path of `NNN_name.sql` files; the ledger's own without it
 * @returns the names applied now, in order
 * @throws MigrationError if an applied migration's file has changed, or one is numbered before an applied one.
 *   A migration that only the database knows is no error: an older worker may run beside a newer one.
 */
export async function migrate(pool: Pool, folder: string = migrationsFolder()): Promise<string[]> {
  const migrations = await readMigrations(folder);
  return inTransaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock($1, $2)', [...LOCKS.migrate]);
    await client.query(`CREATE TABLE IF NOT EXISTS ledger_migrations (
      name text COLLATE "C" PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
    const pending = await findPending(client, migrations);
    for (const migration of pending) await apply(client, migration);
    return pending.map(({ name }) => name);
  });
}

/** SQL files are not compiled: seen from `dist/ledger/` they lie in the sources' folder. */
function migrationsFolder(): string {
  const candidates = ['./migrations', '../../ledger/migrations'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined)
    throw new MigrationError(`The ledger's migrations are in neither of ${candidates.join(', ')}`);
  return found;
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name) => {
      // Line ends may differ between checkouts; the migration is the same.
      const sql = (await readFile(join(folder, name), 'utf8')).replaceAll('\r\n', '\n');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function findPending(client: PoolClient, migrations: readonly Migration[]): Promise<Migration[]> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'SELECT name, checksum FROM ledger_migrations',
  );
  const applied = new Map(rows.map(({ name, checksum }) => [name, checksum]));
  const last = [...applied.keys()].sort().at(-1) ?? '';
  return migrations.filter(({ name, checksum }) => {
    const known = applied.get(name);
    if (known === checksum) return false;
    if (known !== undefined) {
      throw new MigrationError(
        `Ledger migration ${name} was changed after it was applied: restore the file and put the change into a new one`,
      );
    }
    if (name < last) {
      throw new MigrationError(
        `Ledger migration ${name} is numbered before ${last}, which is applied: give it a higher number`,
      );
    }
    return true;
  });
}

async function apply(client: PoolClient, { name, sql, checksum }: Migration): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    throw new MigrationError(`Ledger migration ${name} failed, nothing was changed: ${(error as Error).message}`, {
      cause: error,
    });
  }
  await client.query('INSERT INTO ledger_migrations (name, checksum) VALUES ($1, $2)', [name, checksum]);
}
