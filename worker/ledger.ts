import pg from 'pg';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { Logger } from 'pino';
import { migrate } from '../ledger/migrate.js';
import { createLedger, type Ledger } from '../ledger/store.js';
import { databaseUrl } from './clients.js';
import type { WorkerConfig } from './config.js';

export interface OpenLedger {
  /** The ledger, its schema up to date. Tried anew at each call until it works: runs go on without it meanwhile. */
  ledger(): Promise<Ledger>;
  close(): Promise<void>;
}

export function openLedger(config: WorkerConfig, ssm: SSMClient, log: Logger): OpenLedger {
  let pool: pg.Pool | undefined;
  let opening: Promise<Ledger> | undefined;

  async function open(): Promise<Ledger> {
    const fresh = new pg.Pool({
      connectionString: await databaseUrl(config, ssm),
      max: 10,
      connectionTimeoutMillis: 5_000,
      application_name: 'perennial-worker',
    });
    // An idle connection that breaks is replaced at the next use.
    fresh.on('error', (error) => log.warn({ err: error }, 'ledger: an idle connection broke'));
    try {
      const applied = await migrate(fresh);
      if (applied.length > 0) log.info({ applied }, 'ledger: migrations applied');
    } catch (error) {
      // The next try reads the URL anew: the password may have been wrong, and corrected since.
      await fresh.end();
      throw error;
    }
    pool = fresh;
    return createLedger(fresh);
  }

  return {
    ledger() {
      opening ??= open().catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      return opening;
    },
    async close() {
      await opening?.catch(() => undefined); // Whoever asked for it was told.
      await pool?.end();
    },
  };
}
