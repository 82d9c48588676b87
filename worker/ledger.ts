import type pg from 'pg';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { Logger } from 'pino';
import { migrate } from '../ledger/migrate.js';
import { RenewingPool } from '../ledger/pool.js';
import { createLedger, type Ledger } from '../ledger/store.js';
import { databaseUrl } from './clients.js';
import type { WorkerConfig } from './config.js';

export interface OpenLedger {
  /** The ledger, its schema up to date. Tried anew at each call until it works: runs go on without it meanwhile. */
  ledger(): Promise<Ledger>;
  close(): Promise<void>;
}

/** How long silence lasts, in milliseconds. */
interface LedgerLimits {
  /** Of the server, after which a query is given up and its connection is closed. */
  readonly answerWithinMs: number;
  /** Of the client within a transaction, after which the server gives up its locks: whoever tries again waits for them. */
  readonly idleWithinMs: number;
}

/** A query and its rollback end within one attempt to index a run (`housekeeping` in workflows/profiles.ts), its locks within the next. */
const LIMITS: LedgerLimits = { answerWithinMs: 10_000, idleWithinMs: 20_000 };

/**
 * The ledger of a worker. Its address is read at the first use, and again whenever the server refuses to let a new connection in, so that
 * a password may be changed in PostgreSQL and SSM while workers run.
 */
export function openLedger(
  config: WorkerConfig,
  ssm: SSMClient,
  log: Logger,
  { answerWithinMs, idleWithinMs }: LedgerLimits = LIMITS,
): OpenLedger {
  let pool: pg.Pool | undefined;
  let opening: Promise<Ledger> | undefined;

  async function open(): Promise<Ledger> {
    const address = () => databaseUrl(config, ssm);
    const fresh = new RenewingPool(
      {
        connectionString: await address(),
        max: 10,
        connectionTimeoutMillis: 5_000,
        application_name: 'perennial-worker',
        query_timeout: answerWithinMs,
        idle_in_transaction_session_timeout: idleWithinMs,
      },
      address,
    );
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
