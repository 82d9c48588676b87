import type { Pool } from 'pg';
import { deployments, filesOfRun, getRun, listRuns, usesOfFile } from './read.js';
import { rebuild } from './rebuild.js';
import { inTransaction, LOCKS } from './transaction.js';
import type { Ledger } from './types.js';
import { writeRun } from './write.js';

export type * from './types.js';

/** The ledger in the database of `pool`, whose schema `migrate` has brought up to date. The pool stays the caller's. */
export function createLedger(pool: Pool): Ledger {
  return {
    recordRun: (record) =>
      inTransaction(pool, async (client) => {
        // Shared: runs are recorded side by side, only a rebuild keeps them out.
        await client.query('SELECT pg_advisory_xact_lock_shared($1, $2)', [...LOCKS.rebuild]);
        await writeRun(client, record);
      }),
    recordEndpointDeleted: async (endpoint, at) => {
      await pool.query('INSERT INTO endpoint_deletions (endpoint, deleted_at) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
        endpoint,
        at,
      ]);
    },
    listRuns: (filter) => listRuns(pool, filter),
    getRun: (run) => getRun(pool, run),
    liveDeployment: async (endpoint) => (await deployments(pool, endpoint)).find(({ live }) => live),
    deployments: (endpoint) => deployments(pool, endpoint),
    filesOfRun: (run) => filesOfRun(pool, run),
    usesOfFile: (bucket, key) => usesOfFile(pool, bucket, key),
    rebuild: (outcomes, readFileRecord) => rebuild(pool, outcomes, readFileRecord),
  };
}
