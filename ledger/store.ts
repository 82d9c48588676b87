import type { Pool } from 'pg';
import { appendChain, chainByTarget, chainOfRequest, chainTargets, chainWithoutTargets, readChain } from './chain.js';
import { chainGuards } from './chain-guard.js';
import {
  keysUnder,
  records,
  replaceKeys,
  servedBy,
  spansOfKeys,
  spansOfPrefix,
  trainedBetween,
  unknownRuns,
  untrained,
} from './lineage.js';
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
    records: () => records(pool),
    spansOfKeys: (bucket, keys) => spansOfKeys(pool, bucket, keys),
    spansOfPrefix: (bucket, prefix) => spansOfPrefix(pool, bucket, prefix),
    trainedBetween: (span) => trainedBetween(pool, span),
    untrained: () => untrained(pool),
    unknownRuns: (runs) => unknownRuns(pool, runs),
    servedBy: (what) => servedBy(pool, what),
    keysUnder: (bucket, prefix, limit) => keysUnder(pool, bucket, prefix, limit),
    replaceKeys: (bucket, replacements) => replaceKeys(pool, bucket, replacements),
    rebuild: (outcomes, readFileRecord) => rebuild(pool, outcomes, readFileRecord),
    appendChain: (entries, seal) => appendChain(pool, entries, seal),
    readChain: (after, limit) => readChain(pool, after, limit),
    chainOfRequest: (request) => chainOfRequest(pool, request),
    chainTargets: (of, limit) => chainTargets(pool, of, limit),
    chainByTarget: (hashes) => chainByTarget(pool, hashes),
    chainWithoutTargets: () => chainWithoutTargets(pool),
    chainGuards: () => chainGuards(pool),
  };
}
