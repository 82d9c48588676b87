import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Exported } from '../../contracts/prepare.js';
import type { LocalStack } from '../../local/index.js';
import { startExporter, type ExporterDone, type ExporterProcess } from '../support/export/exporting.js';
import { exportWorld, type ExportWorld } from '../support/export/world.js';
import { percentile, round } from '../support/figures.js';
import { withStack } from '../support/stack.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const SMALL = 1_000;
const ROWS = 5_000_000;
const ROUNDS = 3;
const MOST_MIB = 100;
const RATIO_AIM = 0.8;

export const exportScenario: Scenario = {
  name: 'export',
  what: `resident memory that an export of ${ROWS.toLocaleString('en')} rows from PostgreSQL takes more than one of ${SMALL.toLocaleString('en')}; its throughput beside that of COPY into a file`,
  unit: 'MiB',
  limit: MOST_MIB,
  bound: 'at most',
  measure: (context) => withStack(context, (stack) => measure(context, stack), ['aws', 'postgres']),
};

/** One way of getting all rows out. */
export interface Copied {
  readonly by: 'export' | 'file';
  readonly seconds: number;
  /** Of the process that did it: the server's are not in it. */
  readonly cpuSeconds: number;
  readonly rows: number;
  readonly bytes: number;
}

/** Most resident memory of the exporting process: after a small export, after the large one, and after its publication. */
export interface Peaks {
  readonly smallMiB: number;
  readonly exportedMiB: number;
  readonly publishedMiB: number;
}

async function measure(context: BenchContext, stack: LocalStack): Promise<Measured> {
  const { say, signal } = context;
  say(`a table of ${ROWS.toLocaleString('en')} rows is made …`);
  const world = await exportWorld(stack, ROWS);
  const folder = await mkdtemp(join(tmpdir(), 'perennial-export-'));
  try {
    const copied: Copied[] = [];
    let peaks: Peaks | undefined;
    let publishSeconds = 0;
    for (let number = 1; number <= ROUNDS; number += 1) {
      // Whichever is first meets a machine that is a little less used: they take turns.
      for (const by of number % 2 === 1 ? (['export', 'file'] as const) : (['file', 'export'] as const)) {
        signal.throwIfAborted();
        say(`round ${number}: ${by === 'export' ? 'exported' : 'copied to a file'} …`);
        if (by === 'file') copied.push(await copyToFile(stack, world, join(folder, 'copy.csv'), signal));
        else {
          const done = await exportAll(stack, world, signal);
          copied.push(done.copied);
          peaks ??= done.peaks;
          publishSeconds ||= done.publishSeconds;
        }
      }
    }
    return judge(copied, peaks, publishSeconds);
  } finally {
    await rm(folder, { recursive: true, force: true });
    world.close();
  }
}

/** What was seen: exported for its test. */
export function judge(
  copied: readonly Copied[],
  peaks: Peaks | undefined,
  publishSeconds: number,
  rows = ROWS,
): Measured {
  const rate = (by: Copied['by']) =>
    percentile(
      copied.filter((one) => one.by === by).map(({ bytes, seconds }) => bytes / 1_048_576 / seconds),
      0.5,
    );
  const figure = peaks ? round(Math.max(peaks.exportedMiB, peaks.publishedMiB) - peaks.smallMiB, 1) : Number.NaN;
  const ratio = round(rate('export') / rate('file'), 2);
  const [first] = copied;
  const whole = copied.every((one) => one.rows === rows && one.bytes === first?.bytes);
  return {
    figure,
    ok: figure <= MOST_MIB && whole,
    detail: {
      ...{ rows, bytes: first?.bytes, whole, memoryLimitMiB: MOST_MIB },
      ...{ ratio, ratioAim: RATIO_AIM, ratioReached: ratio >= RATIO_AIM },
      mibASecond: { export: round(rate('export'), 1), file: round(rate('file'), 1) },
      ...{ peaks, publishSeconds: round(publishSeconds, 1) },
      copiedFields: ['by', 'seconds', 'cpuSeconds'],
      copied: copied.map(({ by, seconds, cpuSeconds }) => [by, round(seconds, 2), round(cpuSeconds, 2)]),
    },
  };
}

async function copyToFile(stack: LocalStack, world: ExportWorld, file: string, signal: AbortSignal): Promise<Copied> {
  const done = await inProcess(stack, signal, (run) =>
    run({ kind: 'copyToFile', url: world.url, sql: world.query(), file }),
  );
  const { rows } = done.answer as { rows: number };
  const { size } = await stat(file);
  await rm(file);
  return { by: 'file', seconds: done.seconds, cpuSeconds: done.cpuSeconds, rows, bytes: size };
}

function exportAll(stack: LocalStack, world: ExportWorld, signal: AbortSignal) {
  return inProcess(stack, signal, async (run) => {
    const publish = (input: ReturnType<ExportWorld['input']>, { answer }: ExporterDone) =>
      run({ kind: 'publishExport', input: { ...input, exported: answer as Exported } });
    const few = world.input(SMALL);
    const small = await publish(few, await run({ kind: 'exportQuery', input: few }));
    const all = world.input();
    const large = await run({ kind: 'exportQuery', input: all });
    const published = await publish(all, large);
    const { rows, bytes } = large.answer as Exported;
    const copied: Copied = { by: 'export', seconds: large.seconds, cpuSeconds: large.cpuSeconds, rows, bytes };
    const [smallMiB, exportedMiB, publishedMiB] = [small, large, published].map(({ peakMiB }) => round(peakMiB, 1)) as [
      number,
      number,
      number,
    ];
    const peaks: Peaks = { smallMiB, exportedMiB, publishedMiB };
    return { copied, peaks, publishSeconds: published.seconds };
  });
}

async function inProcess<T>(
  { env }: LocalStack,
  signal: AbortSignal,
  use: (run: ExporterProcess['run']) => Promise<T>,
): Promise<T> {
  const exporter = await startExporter(env);
  const stop = () => void exporter.stop();
  signal.addEventListener('abort', stop);
  try {
    return await use(exporter.run);
  } finally {
    signal.removeEventListener('abort', stop);
    await exporter.stop();
  }
}
