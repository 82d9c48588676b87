import type { Pool, QueryConfig } from 'pg';
import type { FileRecord } from '../contracts/records.js';
import { inTransaction, LOCKS } from './transaction.js';
import type { StoredOutcome } from './types.js';
import { usedFiles, writeRun } from './write.js';

/** Milliseconds that one statement over the whole index may take, and S3 between two statements. */
const PATIENCE_MS = 600_000;

/** See Ledger.rebuild. */
export async function rebuild(
  pool: Pool,
  outcomes: AsyncIterable<StoredOutcome>,
  readFileRecord: (uri: string) => Promise<FileRecord>,
): Promise<{ runs: number; files: number }> {
  return inTransaction(pool, async (client) => {
    // The pool's own limits are those of a few quick statements.
    const patiently = (text: string, values: number[] = []) => {
      const query: QueryConfig & { query_timeout: number } = { text, values, query_timeout: PATIENCE_MS };
      return client.query(query);
    };
    await patiently(`SET LOCAL idle_in_transaction_session_timeout = ${PATIENCE_MS}`);
    await patiently('SELECT pg_advisory_xact_lock($1, $2)', [...LOCKS.rebuild]);
    // DELETE, not TRUNCATE: readers go on seeing the old rows. Models and deployments go with their runs.
    await patiently('DELETE FROM runs');
    await patiently('DELETE FROM file_versions');
    for await (const { uri, outcome } of outcomes) {
      const fileRecord = usedFiles(outcome) ? await readFileRecord(outcome.fileRecordUri) : undefined;
      await writeRun(client, { uri, outcome, fileRecord });
    }
    const { rows } = await client.query<{ runs: string; files: string }>(
      'SELECT (SELECT count(*) FROM runs) AS runs, (SELECT count(*) FROM file_versions) AS files',
    );
    const [counts] = rows as [{ runs: string; files: string }];
    return { runs: Number(counts.runs), files: Number(counts.files) };
  });
}
