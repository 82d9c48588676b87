import type { Pool } from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../ledger/migrate.js';
import { createLedger, type Ledger } from '../../ledger/store.js';
import { dump, usePostgres } from './database.js';
import { dailyFiles, deployedRun, first, idle, second } from './records.js';

const emptyDatabase = usePostgres();
let pool: Pool;
let ledger: Ledger;
beforeEach(async () => {
  pool = await emptyDatabase();
  await migrate(pool);
  ledger = createLedger(pool);
});

describe('rebuild', () => {
  const records = [second, idle, first];
  async function* stored() {
    for (const { uri, outcome } of records) yield Promise.resolve({ uri, outcome });
  }
  const readFileRecord = (uri: string) => {
    const found = records.find(({ outcome }) => outcome.fileRecordUri === uri && outcome.trainingJob !== undefined);
    return found ? Promise.resolve(found.fileRecord) : Promise.reject(new Error(`${uri} is not there`));
  };

  it('makes the same rows again from what S3 holds, and forgets what it does not', async () => {
    for (const record of records) await ledger.recordRun(record);
    await ledger.recordEndpointDeleted('other', '2026-11-20T12:00:00.000Z');
    const before = await dump(pool);
    await ledger.recordRun(deployedRun('2026-11-25T09:00:00.000Z', dailyFiles(9)));
    expect(await ledger.rebuild(stored(), readFileRecord)).toEqual({ runs: 3, files: 5 });
    expect(await dump(pool)).toEqual(before);
    expect((await pool.query('SELECT * FROM endpoint_deletions')).rows).toHaveLength(1);
  });

  it('leaves the index as it was when an object cannot be read, and shows the old rows until it is done', async () => {
    for (const record of records) await ledger.recordRun(record);
    const before = await dump(pool);
    let seen: unknown;
    const failing = async (uri: string) => {
      seen = await dump(pool);
      throw new Error(`no ${uri}`);
    };
    await expect(ledger.rebuild(stored(), failing)).rejects.toThrow(`no ${second.outcome.fileRecordUri}`);
    expect(seen).toEqual(before);
    expect(await dump(pool)).toEqual(before);
  });

  it('ends with the reason when the connection is lost meanwhile, and works with the next one', async () => {
    await ledger.recordRun(first);
    const cut = async (uri: string) => {
      await pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'idle in transaction'`);
      await new Promise((resolve) => setTimeout(resolve, 100));
      return readFileRecord(uri);
    };
    await expect(ledger.rebuild(stored(), cut)).rejects.toThrow(/terminat|not queryable|connection/i);
    expect((await ledger.listRuns({ limit: 9 })).map(({ run }) => run)).toEqual([first.outcome.run]);
  });

  it('makes a run that ends meanwhile wait, and keeps it', async () => {
    const late = deployedRun('2026-11-26T09:00:00.000Z', dailyFiles(2));
    let recording: Promise<void> | undefined;
    await ledger.rebuild(stored(), (uri) => {
      recording ??= ledger.recordRun(late);
      return readFileRecord(uri);
    });
    await recording;
    expect((await ledger.listRuns({ limit: 9 })).map(({ run }) => run)).toContain(late.outcome.run);
    expect(await ledger.usesOfFile('lake', 'data/train/2012-01-02.csv')).toMatchObject([{ lastRun: late.outcome.run }]);
  });
});
