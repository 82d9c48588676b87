import { cp, mkdtemp, rm, writeFile, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrate, MigrationError } from '../../ledger/migrate.js';
import { usePostgres } from './database.js';

const emptyDatabase = usePostgres();
const own = fileURLToPath(new URL('../../ledger/migrations', import.meta.url));
const names = ['001_runs.sql', '002_file_versions.sql', '003_audit_chain.sql'];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migrations-'));
  await cp(own, folder, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('applies each migration once', async () => {
  const pool = await emptyDatabase();
  expect(await migrate(pool)).toEqual(names);
  expect(await migrate(pool)).toEqual([]);
  await writeFile(join(folder, '009_note.sql'), 'ALTER TABLE runs ADD note text;');
  expect(await migrate(pool, folder)).toEqual(['009_note.sql']);
  // The older program beside the newer one's schema.
  expect(await migrate(pool)).toEqual([]);
});

it('lets one of many workers apply, whatever their number', async () => {
  const pool = await emptyDatabase();
  const applied = await Promise.all(Array.from({ length: 8 }, () => migrate(pool)));
  expect(applied.flat()).toEqual(names);
});

it('refuses a migration that changed after it was applied, but not its line ends', async () => {
  const pool = await emptyDatabase();
  await migrate(pool);
  const file = join(folder, '001_runs.sql');
  const sql = await readFile(file, 'utf8');
  await writeFile(file, sql.replaceAll('\n', '\r\n'));
  expect(await migrate(pool, folder)).toEqual([]);
  await writeFile(file, `${sql}\n-- more`);
  await expect(migrate(pool, folder)).rejects.toThrow('Ledger migration 001_runs.sql was changed after it was applied');
});

it('refuses a migration numbered before an applied one', async () => {
  const pool = await emptyDatabase();
  await migrate(pool);
  await writeFile(join(folder, '001_b.sql'), 'SELECT 1;');
  await expect(migrate(pool, folder)).rejects.toThrow('001_b.sql is numbered before 003_audit_chain.sql');
});

it('changes nothing when a migration fails', async () => {
  const pool = await emptyDatabase();
  await writeFile(join(folder, '009_bad.sql'), 'CREATE TABLE half (a int); SELECT nonsense;');
  await expect(migrate(pool, folder)).rejects.toThrow(MigrationError);
  const { rows } = await pool.query("SELECT to_regclass('runs') AS runs, to_regclass('half') AS half");
  expect(rows).toEqual([{ runs: null, half: null }]);
  expect(await migrate(pool)).toEqual(names);
});
