import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { judge, type Copied, type Peaks } from '../../bench/scenarios/export.js';
import { startExporter } from '../../bench/support/export/exporting.js';
import { exportWorld } from '../../bench/support/export/world.js';
import type { Exported } from '../../contracts/prepare.js';
import { freshDatabase } from '../support/database.js';

const ROWS = 1_000;
const [MIB, PEAKS] = [1_048_576, { smallMiB: 150, exportedMiB: 170, publishedMiB: 175 } satisfies Peaks];
const copied = (by: Copied['by'], seconds: number, more: Partial<Copied> = {}): Copied => ({
  ...{ by, seconds, cpuSeconds: 1, rows: ROWS, bytes: 100 * MIB },
  ...more,
});

it('compares the medians of the rates, and the peaks', () => {
  const seen = [
    copied('export', 2),
    copied('file', 1),
    copied('file', 2),
    copied('export', 2.5),
    copied('export', 9),
    copied('file', 8),
  ];
  const { figure, ok, detail } = judge(seen, PEAKS, 3, ROWS);
  expect([figure, ok]).toEqual([25, true]);
  expect(detail).toMatchObject({ ratio: 0.8, ratioReached: true, mibASecond: { export: 40, file: 50 }, whole: true });
});

it('is not content with too much memory, or with rows that are missing', () => {
  const seen = [copied('export', 2), copied('file', 1)];
  expect(judge(seen, { ...PEAKS, publishedMiB: 251 }, 3, ROWS)).toMatchObject({ figure: 101, ok: false });
  expect(judge(seen, undefined, 3, ROWS).ok).toBe(false);
  expect(judge([...seen, copied('export', 2, { rows: 999 })], PEAKS, 3, ROWS).ok).toBe(false);
  expect(judge([...seen, copied('export', 2, { bytes: 1 })], PEAKS, 3, ROWS).ok).toBe(false);
});

it('has the same rows exported and copied, by a process of its own', async () => {
  const fresh = await freshDatabase(inject('postgres').url);
  const folder = await mkdtemp(join(tmpdir(), 'perennial-export-'));
  const env = {
    AWS_ENDPOINT_URL: inject('aws').endpoint,
    ...{ AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
  };
  const exporter = await startExporter(env);
  try {
    const world = await exportWorld({ env, urls: { postgres: fresh.url } }, ROWS);
    const input = world.input();
    const done = await exporter.run({ kind: 'exportQuery', input });
    const exported = done.answer as Exported;
    const published = await exporter.run({ kind: 'publishExport', input: { ...input, exported } });
    const file = join(folder, 'copy.csv');
    const copy = await exporter.run({ kind: 'copyToFile', url: world.url, sql: world.query(), file });
    const text = await readFile(file, 'utf8');
    expect(exported).toMatchObject({ rows: ROWS, bytes: Buffer.byteLength(text) });
    expect(published.answer).toMatchObject({ rows: ROWS, label: { name: 'price' } });
    expect(copy.answer).toEqual({ rows: ROWS });
    expect(text).toContain('"rock, ""pop"""');
    expect(done.peakMiB).toBeGreaterThan(10);
    world.close();
  } finally {
    await exporter.stop();
    await fresh.drop();
    await rm(folder, { recursive: true, force: true });
  }
});
