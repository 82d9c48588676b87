import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { MetricName } from '../../contracts/metrics.js';
import { TASK_QUEUE } from '../../contracts/names.js';
import type { RunProgress, RunResult } from '../../contracts/runs.js';
import { MESSAGES } from '../../contracts/runs.js';
import { s3Client } from '../../examples/demo/account.js';
import type { LocalStack } from '../../local/index.js';
import { requestRun } from '../support/endings.js';
import { withImage } from '../support/images.js';
import { applyDefinitions, prepareBenchAccount } from '../support/models.js';
import { OFFSET_IMAGE, offsetInput, offsetRows, putDay } from '../support/offsets.js';
import { measuredRun } from '../support/runs.js';
import { withClient, withStack } from '../support/stack.js';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const MODEL = 'score';
const FILES = 4;
const ROWS = 250_000;
const OFFSET = 1.5;
const MOST_MIB = 100;
const LOOK_MS = 100;
/** Larger differences between two ways to sum a million numbers are a fault. */
const RELATIVE = 1e-9;

export const score: Scenario = {
  name: 'score',
  what: 'growth of a worker that scores 1,000,000 prediction rows; every metric equals a reference computation (ok)',
  unit: 'MiB',
  limit: MOST_MIB,
  bound: 'at most',
  measure: (context) =>
    withImage(OFFSET_IMAGE, () =>
      withStack(context, (stack) => withClient(stack, (client) => measure(context, stack, client)), [
        'temporal',
        'aws',
        'postgres',
        'slack',
        'sagemaker',
      ]),
    ),
};

/** How far a row's label lies above the model's input: the same from one file to the next but for a shift. */
const noise = (file: number) => (index: number) => ((index * 7_919 + file * 104_729) % 1_000) / 250 - 2;

async function measure(context: BenchContext, stack: LocalStack, client: Client): Promise<Measured> {
  const { say } = context;
  await prepareBenchAccount(stack);
  const s3 = s3Client(stack.env);
  const worker = await startWorkerProcess(stack, { PERENNIAL_TASK_QUEUE: TASK_QUEUE });
  try {
    await putDay(
      s3,
      MODEL,
      'train',
      '2026-01-01',
      offsetRows(20, () => OFFSET),
    );
    await putDay(
      s3,
      MODEL,
      'test',
      '2026-01-01',
      offsetRows(1_000, () => 0),
    );
    await applyDefinitions(stack, [offsetInput(MODEL, {})]);
    // A worker that has evaluated once has loaded all that it needs.
    await measuredRun(client, MODEL);
    say(`${FILES} files of ${ROWS.toLocaleString('en')} rows …`);
    for (let file = 0; file < FILES; file += 1)
      await putDay(s3, MODEL, 'test', `2026-01-0${file + 1}`, offsetRows(ROWS, noise(file)));
    const seen = await scored(context, client, worker);
    const wanted = reference();
    const wrong = Object.entries(wanted).filter(([name, value]) => !isSame(seen.metrics[name as MetricName], value));
    const growth = Math.max(...seen.memory) - seen.before;
    const detail = { files: FILES, ...seen, wanted, wrong, growth };
    return { figure: growth, ok: seen.rows === FILES * ROWS && wrong.length === 0 && growth <= MOST_MIB, detail };
  } finally {
    await worker.kill();
    s3.destroy();
  }
}

/** A run on the large holdout, with the worker's memory before it and throughout the stage. */
async function scored({ say, signal }: BenchContext, client: Client, worker: WorkerProcess) {
  const before = await worker.memoryMiB();
  const run = await requestRun(client, MODEL, { trigger: 'manual', force: true, noDeploy: true });
  const handle = client.workflow.getHandle<() => Promise<RunResult>>(run);
  const memory: number[] = [before];
  let over = false;
  const result = handle.result().finally(() => {
    over = true;
  });
  // Told below.
  result.catch(() => undefined);
  while (!over) {
    signal.throwIfAborted();
    memory.push(await worker.memoryMiB());
    await sleep(LOOK_MS);
  }
  const { evaluation, stages } = await result;
  const { notes } = await handle.query<RunProgress>(MESSAGES.progress);
  say(`${notes.at(-2)}; ${Math.round(Math.max(...memory) - before)} MiB more`);
  return {
    before,
    memory,
    rows: evaluation?.rows ?? 0,
    metrics: evaluation?.candidate.metrics ?? {},
    evaluateSeconds: stages['evaluate'],
  };
}

/** The metrics by their definitions, over whole arrays and two passes: none of the product's code. */
function reference(): Partial<Record<MetricName, number>> {
  const rows = Array.from({ length: FILES }, (_none, file) =>
    Array.from({ length: ROWS }, (_row, index) => {
      const input = index % 1_000;
      return { actual: input + noise(file)(index), predicted: input + OFFSET };
    }),
  ).flat();
  const errors = rows.map(({ actual, predicted }) => predicted - actual);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const shares = rows
    .filter(({ actual }) => actual !== 0)
    .map(({ actual, predicted }) => Math.abs((predicted - actual) / actual))
    .sort((a, b) => a - b);
  const middle = Math.floor(shares.length / 2);
  const [below = Number.NaN, above = Number.NaN] = [shares[middle - 1], shares[middle]];
  const center = mean(rows.map(({ actual }) => actual));
  const spread = mean(rows.map(({ actual }) => (actual - center) ** 2));
  const squares = mean(errors.map((error) => error * error));
  return {
    mae: mean(errors.map(Math.abs)),
    rmse: Math.sqrt(squares),
    r2: 1 - squares / spread,
    mape: mean(shares),
    mdape: shares.length % 2 === 1 ? above : (below + above) / 2,
  };
}

const isSame = (seen: number | null | undefined, wanted: number) =>
  typeof seen === 'number' && Math.abs(seen - wanted) <= RELATIVE * Math.abs(wanted);
