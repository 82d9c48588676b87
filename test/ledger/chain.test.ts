import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Pool } from 'pg';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { canonicalJson } from '../../contracts/canonical.js';
import { GENESIS, type ChainRow } from '../../contracts/purge/audit.js';
import { migrate } from '../../ledger/migrate.js';
import { createLedger, type ChainEntry, type Ledger } from '../../ledger/store.js';
import { findPython } from '../../local/tools/python.js';
import { packagePath } from '../../local/paths.js';
import { usePostgres } from './database.js';

const emptyDatabase = usePostgres();
let pool: Pool;
let ledger: Ledger;
beforeEach(async () => {
  pool = await emptyDatabase();
  await migrate(pool);
  ledger = createLedger(pool);
});

const seal = (hash: string) => `seal of ${hash}`;
const entry = (kind: ChainEntry['kind'], more: object = {}, execution = 'e1'): ChainEntry => ({
  kind,
  body: { request: 'DSR-1', execution, ...more },
});
const target = (hash: string) => entry('target', { target: { hash, kind: 'object' } });
const rows = async (): Promise<ChainRow[]> => (await ledger.readChain({ sequence: 0 }, 100)).rows;

describe('the chain', () => {
  it('begins with the genesis value, and each row holds the hash of the row before it', async () => {
    await ledger.appendChain([entry('requested')], seal);
    const last = await ledger.appendChain([target('a'), target('b'), entry('ended')], seal);
    const all = await rows();
    expect(all.map(({ sequence, kind }) => [sequence, kind])).toEqual([
      [1, 'requested'],
      [2, 'target'],
      [3, 'target'],
      [4, 'ended'],
    ]);
    expect(all.map(({ previous }) => previous)).toEqual([GENESIS, ...all.slice(0, 3).map(({ hash }) => hash)]);
    expect(all.every((row) => row.seal === seal(row.hash))).toBe(true);
    expect(last).toEqual(all[3]);
  });

  it('holds an event of an execution once, whatever is sent again', async () => {
    const first = await ledger.appendChain([entry('requested', { by: 'ada' })], seal);
    expect(await ledger.appendChain([entry('requested', { by: 'bob' })], seal)).toEqual(first);
    const end = [target('a'), entry('ended')];
    expect(await ledger.appendChain(end, seal)).toEqual(await ledger.appendChain(end, seal));
    await ledger.appendChain([target('a'), target('c'), entry('ended')], seal);
    await ledger.appendChain([entry('requested', {}, 'e2')], seal);
    expect(
      (await rows()).map(({ kind, body }) => `${kind} ${(JSON.parse(body) as { execution: string }).execution}`),
    ).toEqual(['requested e1', 'target e1', 'ended e1', 'target e1', 'requested e2']);
  });

  it('holds a target once that a list named twice', async () => {
    const last = await ledger.appendChain([target('a'), target('b'), target('a'), entry('ended')], seal);
    const kept = await rows();
    expect(
      kept.map(({ kind, body }) => [kind, (JSON.parse(body) as { target?: { hash: string } }).target?.hash]),
    ).toEqual([
      ['target', 'a'],
      ['target', 'b'],
      ['ended', undefined],
    ]);
    expect(last).toEqual(kept[2]);
  });

  it('takes text that PostgreSQL has no characters for', async () => {
    await ledger.appendChain([entry('requested', { reason: 'a\0b \ud800 é \u2028' })], seal);
    const [row] = await rows();
    expect(JSON.parse(row?.body ?? '')).toMatchObject({ reason: 'a\uFFFDb \uFFFD é \u2028' });
  });

  it('is read page by page', async () => {
    await ledger.appendChain([entry('requested'), target('a'), target('b'), entry('ended')], seal);
    const first = await ledger.readChain({ sequence: 0 }, 3);
    const second = await ledger.readChain({ sequence: 3, place: first.place }, 3);
    expect([...first.rows, ...second.rows]).toEqual(await rows());
    expect((await ledger.readChain({ sequence: 4, place: second.place }, 3)).rows).toEqual([]);
  });

  it('is left alone by a rebuild of the index', async () => {
    await ledger.appendChain([entry('requested')], seal);
    await ledger.rebuild((async function* () {})(), () => Promise.reject(new Error('there is no run to read')));
    expect(await rows()).toHaveLength(1);
  });
});

describe('the database', () => {
  beforeEach(async () => {
    await ledger.appendChain([entry('requested')], seal);
  });

  it.each([
    ['UPDATE audit_chain SET body = body', 'UPDATE is refused'],
    ['UPDATE audit_chain SET seal = seal WHERE false', 'UPDATE is refused'],
    ['DELETE FROM audit_chain', 'DELETE is refused'],
    ['TRUNCATE audit_chain', 'TRUNCATE is refused'],
    ["SET session_replication_role = 'replica'; DELETE FROM audit_chain", 'DELETE is refused'],
    [
      `INSERT INTO audit_chain (sequence, at, kind, body, previous, hash, seal)
       SELECT 2, at, kind, replace(body, 'e1', 'e2'), hash, repeat('a', 64), seal FROM audit_chain`,
      'row 2 does not continue the chain',
    ],
    [
      `INSERT INTO audit_chain (sequence, at, kind, body, previous, hash, seal)
       SELECT 3, at, kind, replace(body, 'e1', 'e2'), hash, repeat('a', 64), seal FROM audit_chain`,
      'row 3 does not continue the chain',
    ],
  ])('refuses its owner %s', async (statement, words) => {
    const client = await pool.connect();
    await expect(client.query(statement)).rejects.toThrow(words);
    client.release(true);
    expect(await rows()).toHaveLength(1);
    expect(await ledger.chainGuards()).toEqual([]);
  });

  it('says which of its guards are gone, and is left as it was', async () => {
    await pool.query(`ALTER TABLE audit_chain DISABLE TRIGGER audit_chain_continues;
      DROP TRIGGER audit_chain_append_only ON audit_chain; DROP INDEX audit_chain_event`);
    expect(await ledger.chainGuards()).toEqual([
      expect.stringContaining('trigger audit_chain_append_only') as string,
      expect.stringContaining('trigger audit_chain_continues') as string,
      'unique index audit_chain_event of table audit_chain is missing',
      'table audit_chain accepts UPDATE',
      'table audit_chain accepts DELETE',
      'table audit_chain accepts INSERT of a row that does not continue the chain',
    ]);
    expect(await rows()).toHaveLength(1);
  });
});

describe("the auditor's scripts of docs/audit.md", () => {
  const run = async (nth: number, input: string, ...args: string[]): Promise<string> => {
    const doc = await readFile(packagePath('docs', 'audit.md'), 'utf8');
    const script = [...doc.matchAll(/```python\n([\s\S]+?)```/g)][nth]?.[1] ?? '';
    const { program } = await findPython();
    const running = promisify(execFile)(program, ['-c', script, ...args]);
    running.child.stdin?.end(input);
    return (await running).stdout;
  };
  const chainOf = (all: readonly ChainRow[]) => run(0, all.map((row) => `${JSON.stringify(row)}\n`).join(''));

  it('recompute the chain without Perennial, and find what was changed', async () => {
    await ledger.appendChain(
      [entry('requested', { reason: 'é "quoted" \u2028\t' }), target('a'), entry('ended')],
      seal,
    );
    const all = await rows();
    expect((await chainOf(all)).trim()).toBe(`3 ${all[2]?.hash}`);
    const changed = all.map((row) => (row.sequence === 2 ? { ...row, body: row.body.replace('"a"', '"b"') } : row));
    await expect(chainOf(changed)).rejects.toMatchObject({
      stderr: expect.stringContaining('row 2 was changed') as string,
    });
    const gone = all.filter(({ sequence }) => sequence !== 2);
    await expect(chainOf(gone)).rejects.toMatchObject({
      stderr: expect.stringContaining('row 3 was changed') as string,
    });
  });

  it('print what a signature covers, to the letter', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'audit-doc-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const signed = { version: 1, b: { d: [1, 'é \u2028 "\\" \u0001', null], c: true, n: -12345678901 }, a: 'x<y' };
    const file = join(folder, 'certificate.json');
    await writeFile(file, JSON.stringify({ ...signed, signature: { value: 'x' } }, null, 2));
    expect(await run(1, '', file)).toBe(canonicalJson(signed));
  });
});
