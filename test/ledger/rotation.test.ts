import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { WorkerConfig } from '../../worker/config.js';
import { type OpenLedger, openLedger } from '../../worker/ledger.js';
import { awsClients } from '../support/aws.js';
import { type FreshDatabase, freshDatabase } from '../support/database.js';

const role = `rotated_${randomUUID().slice(0, 8)}`;
const parameter = `/${role}/database`;
const { ssm } = awsClients(inject('aws').endpoint);
let database: FreshDatabase;
let open: OpenLedger;

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

/** Gives the role a password, and the worker's parameter the same or another. */
async function password(actual: string, written = actual): Promise<void> {
  await administer(`ALTER ROLE ${role} PASSWORD '${actual}'`);
  const url = Object.assign(new URL(database.url), { username: role, password: written }).href;
  // With the end of a line, as a parameter that was made from a file has it.
  const Value = `${url}\n`;
  await ssm.send(new PutParameterCommand({ Name: parameter, Value, Type: 'SecureString', Overwrite: true }));
}

/** Every connection of the worker breaks; the next use needs a new one. */
async function cutOff(): Promise<void> {
  await administer(`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = '${role}'`);
  // A connection whose end has not been read yet would fail its next use, which is another matter.
  await sleep(200);
}

beforeAll(async () => {
  database = await freshDatabase(inject('postgres').url);
  await administer(`CREATE ROLE ${role} LOGIN`);
  await administer(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} OWNER TO ${role}`);
  await administer(`ALTER SCHEMA public OWNER TO ${role}`);
  await password('first');
  open = openLedger({ database: `ssm:${parameter}` } as WorkerConfig, ssm, pino({ level: 'silent' }));
});
afterAll(async () => {
  await open.close();
  await database.drop();
  const client = new pg.Client({ connectionString: inject('postgres').url });
  await client.connect();
  await client.query(`DROP ROLE ${role}`).finally(() => client.end());
});

describe("the ledger's password", () => {
  it('may change while workers run: the new one is read when the old one is refused', async () => {
    const ledger = await open.ledger();
    expect(await ledger.listRuns({ limit: 1 })).toEqual([]);
    await password('second');
    // Connections that are open stay so.
    expect(await ledger.listRuns({ limit: 1 })).toEqual([]);
    await cutOff();
    const answers = await Promise.all(Array.from({ length: 5 }, () => ledger.listRuns({ limit: 1 })));
    expect(answers).toEqual([[], [], [], [], []]);
    // In a transaction as well.
    await cutOff();
    await password('third');
    await ledger.rebuild((async function* () {})(), () => Promise.reject(new Error('there is no run to read')));
  });

  it('is an error where the one in SSM is refused as well, and works once that is put right', async () => {
    const ledger = await open.ledger();
    await password('fourth', 'mistyped');
    await cutOff();
    await expect(ledger.listRuns({ limit: 1 })).rejects.toMatchObject({ code: '28P01' });
    await password('fourth');
    expect(await ledger.listRuns({ limit: 1 })).toEqual([]);
  });

  it('is read from a file as well, where that is what the configuration names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'perennial-ledger-'));
    const file = join(folder, 'url');
    const url = (word: string) => Object.assign(new URL(database.url), { username: role, password: word }).href;
    const byFile = openLedger({ database: `file:${file}` } as WorkerConfig, ssm, pino({ level: 'silent' }));
    try {
      await expect(byFile.ledger()).rejects.toThrow(/ENOENT.*ledger-/);
      await writeFile(file, 'mysql://perennial:hunter2@127.0.0.1/ledger\n');
      await expect(byFile.ledger()).rejects.toThrow(`the file ${file} must hold the ledger's postgres:// URL`);
      await writeFile(file, `${url('fifth')}\n`);
      await password('fifth');
      const ledger = await byFile.ledger();
      expect(await ledger.listRuns({ limit: 1 })).toEqual([]);
      await cutOff();
      await password('sixth');
      await writeFile(file, url('sixth'));
      expect(await ledger.listRuns({ limit: 1 })).toEqual([]);
    } finally {
      await byFile.close();
      await rm(folder, { recursive: true });
    }
  });
});
