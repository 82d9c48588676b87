import { pino } from 'pino';
import { SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startFaultProxy, type FaultProxy } from '../../bench/support/faults/index.js';
import type { WorkerConfig } from '../../worker/config.js';
import { type OpenLedger, openLedger } from '../../worker/ledger.js';
import { type FreshDatabase, freshDatabase } from '../support/database.js';
import { dailyFiles, deployedRun } from './records.js';

const ssm = new SSMClient({});
let database: FreshDatabase;
let proxy: FaultProxy;
const opened: OpenLedger[] = [];

beforeAll(async () => {
  database = await freshDatabase(inject('postgres').url);
  const aws = inject('aws').endpoint;
  proxy = await startFaultProxy({ urls: { aws, sagemaker: aws, slack: aws, postgres: database.url } });
});
afterAll(async () => {
  for (const one of opened) await one.close();
  await proxy.close();
  await database.drop();
  ssm.destroy();
});

/** The ledger of a worker of its own, behind the proxy. */
function worker(): OpenLedger {
  const config = { database: proxy.env['DATABASE_URL'] } as WorkerConfig;
  const limits = { answerWithinMs: 300, idleWithinMs: 600 };
  const one = openLedger(config, ssm, pino({ level: 'silent' }), limits);
  opened.push(one);
  return one;
}

/** The next call of this key gets no answer. */
function silence(key: string): void {
  proxy.book.begin('');
  proxy.book.set({ key, nth: 1, kind: 'time-out', times: 1, sprung: () => undefined });
}

describe('a database that falls silent', () => {
  it('while a worker migrates: it keeps out neither that worker nor another for long', async () => {
    silence('PostgreSQL.SELECT ledger_migrations');
    const [first, second] = [worker(), worker()];
    await expect(first.ledger()).rejects.toThrow(/timeout/i);
    expect(await (await second.ledger()).listRuns({ limit: 1 })).toEqual([]);
    expect(await (await first.ledger()).listRuns({ limit: 1 })).toEqual([]);
  });

  it('while a run is indexed: the next try finds no lock of the last one', async () => {
    const ledger = await worker().ledger();
    const record = deployedRun('2026-11-21T09:00:00.000Z', dailyFiles(3));
    silence('PostgreSQL.COMMIT');
    await expect(ledger.recordRun(record)).rejects.toThrow(/timeout/i);
    await ledger.recordRun(record);
    expect(await ledger.listRuns({ limit: 9 })).toHaveLength(1);
  });
});
