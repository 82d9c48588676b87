import type { Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { pino, type Logger } from 'pino';
import { baseUrl } from '../addresses.js';
import { certificatesOf } from './certificate.js';
import type { RedshiftConfig } from './config.js';
import { Credentials } from './control/credentials.js';
import { controlServer } from './control/server.js';
import { History } from './database/history.js';
import { MASTER } from './database/objects.js';
import { Roles } from './database/roles.js';
import { setUpWarehouse, urlOf } from './database/warehouse.js';
import { Gateway } from './gateway.js';
import { loadTransfers } from './transfer/index.js';

/** A running local Redshift. */
export interface LocalRedshift {
  /** Of the control plane, for this machine or the container that it runs in. */
  readonly url: string;
  readonly sqlPort: number;
  /** The certificate that clients trust. */
  readonly caFile: string;
  close(): Promise<void>;
}

interface Dependencies {
  /** Names the emulated S3 (`AWS_ENDPOINT_URL…`); the process's own environment by default. */
  readonly env?: NodeJS.ProcessEnv;
  readonly log?: Logger;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
}

/**
 * Starts the local Redshift: control plane and PostgreSQL protocol, before a real PostgreSQL.
 * @throws Error with a sentence if PostgreSQL can't be reached or a port is taken
 */
export async function startRedshift(config: RedshiftConfig, deps: Dependencies = {}): Promise<LocalRedshift> {
  const log = deps.log ?? pino({ level: 'silent' });
  const transfers = loadTransfers(deps.env ?? process.env);
  const certificates = certificatesOf(config.stateDir, config.address);
  await setUpWarehouse(config.serverUrl, config.database);
  const connectionString = urlOf(config.serverUrl, config.database);
  // Its answers are waited for by every statement, and what they hold is worth no flush of the disk.
  const pool = new pg.Pool({ connectionString, max: 4, options: '-c synchronous_commit=off' });
  pool.on('error', (error) => log.warn({ err: error }, 'a connection to PostgreSQL was lost'));
  const history = new History(pool);
  const credentials = new Credentials();
  const gateway = new Gateway({
    certificates,
    credentials,
    roles: new Roles(pool, connectionString),
    database: config.database,
    serverUrl: config.serverUrl,
    shared: { history, transfers: transfers.load },
    log,
  });
  const { database, address } = config;
  const warehouse = { credentials, database, master: MASTER, address, port: () => portOf(gateway.server) };
  const control = controlServer(warehouse, history, log);
  const close = async (): Promise<void> => {
    control.close();
    control.closeAllConnections();
    if (gateway.server.listening) await gateway.close(pool);
    await transfers.close();
    await pool.end();
  };
  try {
    await listen(gateway.server, config.host, config.sqlPort);
    await listen(control, config.host, config.port);
  } catch (error) {
    await close();
    throw error;
  }
  const url = baseUrl(config.host, portOf(control));
  log.info({ url, sqlPort: portOf(gateway.server) }, 'local Redshift listens');
  return { url, sqlPort: portOf(gateway.server), caFile: certificates.caFile, close };
}
