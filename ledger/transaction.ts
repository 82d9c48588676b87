import type { Pool, PoolClient } from 'pg';

/** Keys of PostgreSQL's advisory locks: the first number is this project's, the second says what is locked. */
export const LOCKS = { migrate: [0x7065726e, 1], rebuild: [0x7065726e, 2], chain: [0x7065726e, 3] } as const;

/**
 * Runs `work` in one transaction: committed if it returns, rolled back if it throws. A lost connection rejects with
 * pg's error and leaves the pool usable.
 */
export async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let lost: Error | undefined;
  // Between two queries a lost connection is an event, which without a listener ends the process.
  const onLost = (error: Error) => (lost = error);
  client.on('error', onLost);
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(onLost); // No connection, no transaction: the first error says more.
    throw error;
  } finally {
    client.off('error', onLost);
    client.release(lost);
  }
}
