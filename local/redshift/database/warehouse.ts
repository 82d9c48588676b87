import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { MASTER, objects } from './objects.js';

/** As long as PostgreSQL may take to come back. */
const REACHABLE_WITHIN_MS = 20_000;
const AGAIN_MS = 200;
/** Two gateways, in tests, may set up one server at the same moment. */
const SETUP_LOCK = 7_240_931;
const USUAL_PORT = 5432;
const KEPT = '7 days';

const quoted = (name: string) => pg.escapeIdentifier(name);

async function connected(url: string): Promise<pg.Client> {
  const deadline = Date.now() + REACHABLE_WITHIN_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      if (Date.now() > deadline)
        throw new Error(`the PostgreSQL behind the local Redshift can't be reached: ${(error as Error).message}`, {
          cause: error,
        });
      await sleep(AGAIN_MS);
    }
  }
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = await connected(url);
  try {
    await client.query('SELECT pg_advisory_lock($1)', [SETUP_LOCK]);
    await work(client);
  } finally {
    await client.end();
  }
}

/** Where a server is reached; its usual port where the URL has none. */
export function addressOf(server: string): { host: string; port: number } {
  const { hostname, port } = new URL(server);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || USUAL_PORT) };
}

/** The same server, another database. */
export function urlOf(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

/**
 * Makes the warehouse's database where it is not there, and what it lacks of Redshift; ends what an earlier process left running.
 * @throws Error with a sentence if PostgreSQL can't be reached
 */
export async function setUpWarehouse(server: string, database: string): Promise<void> {
  await withClient(server, async (client) => {
    const { rowCount: roles } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [MASTER]);
    if (roles === 0) await client.query(`CREATE ROLE ${MASTER} LOGIN CREATEROLE`);
    // It ends statements of users that it or AutoCreate made, and nobody else's on this server.
    await client.query(`REVOKE pg_signal_backend FROM ${MASTER}`);
    await client.query(`ALTER ROLE ${MASTER} SET createrole_self_grant = 'inherit'`);
    const { rowCount: databases } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (databases === 0) await client.query(`CREATE DATABASE ${quoted(database)}`);
    await client.query(`ALTER DATABASE ${quoted(database)} OWNER TO ${MASTER}`);
    await client.query(`ALTER DATABASE ${quoted(database)} SET timezone = 'UTC'`);
    await client.query(`ALTER DATABASE ${quoted(database)} SET redshift.query_group = 'default'`);
  });
  await withClient(urlOf(server, database), async (client) => {
    await client.query(objects);
    // Nobody can tell any more how they would have ended.
    const { rows } = await client.query<{ pid: number }>(
      `UPDATE redshift_local.queries SET status = 'failed', end_time = timezone('UTC', clock_timestamp()), error_code = '57P01',
         error_message = 'the cluster was restarted while the statement ran' WHERE status = 'running' RETURNING session_id AS pid`,
    );
    await client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid = ANY($1)',
      [rows.map(({ pid }) => pid)],
    );
    await client.query(
      `DELETE FROM redshift_local.queries WHERE start_time < timezone('UTC', now()) - interval '${KEPT}'`,
    );
    await client.query(
      `DELETE FROM redshift_local.load_errors WHERE start_time < timezone('UTC', now()) - interval '${KEPT}'`,
    );
  });
}
