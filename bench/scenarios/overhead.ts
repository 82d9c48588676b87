import type { S3Client } from '@aws-sdk/client-s3';
import type { Client } from '@temporalio/client';
import { s3Client } from '../../examples/demo/account.js';
import { uploadDays } from '../../examples/demo/bucket.js';
import { buildWeather } from '../../examples/seattle-weather/data.js';
import { percentile, round } from '../support/figures.js';
import {
  BUCKET,
  KEY_ALIAS,
  applyDefinitions,
  benchDefinition,
  prepareBenchAccount,
  trainPrefix,
} from '../support/models.js';
import { measuredRun, type MeasuredRun } from '../support/runs.js';
import { completeAtOnce, withClient, withStack } from '../support/stack.js';
import type { LocalStack } from '../../local/index.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const MODEL = 'overhead';
const FILES = 3;
/** They create the endpoint, fill caches and compile code; not part of the figure. */
const WARM_UPS = 3;
const RUNS = 20;
const MODELS_AT_ONCE = 50;
const RUNS_A_MODEL = 3;
const LEAST_A_MINUTE = 120;
const MOST_SECONDS = 0.5;

export const overhead: Scenario = {
  name: 'overhead',
  what: 'wall time of a whole run whose job and update complete at once, p50 of 20; and runs a minute with 50 models (detail)',
  unit: 's',
  limit: MOST_SECONDS,
  bound: 'at most',
  measure: (context) =>
    withStack(context, (stack) =>
      withClient(stack, async (client) => {
        const s3 = s3Client(stack.env);
        try {
          return await measure({ ...context, stack, client, s3 });
        } finally {
          s3.destroy();
        }
      }),
    ),
};

interface Setting extends BenchContext {
  readonly stack: LocalStack;
  readonly client: Client;
  readonly s3: S3Client;
}

async function measure(setting: Setting): Promise<Measured> {
  const { stack, client } = setting;
  await prepareBenchAccount(stack);
  await completeAtOnce(stack);
  const single = await oneAfterAnother(setting);
  const [warmUps, runs] = [single.slice(0, WARM_UPS), single.slice(WARM_UPS)];
  const p50 = percentile(
    runs.map(({ ms }) => ms / 1000),
    0.5,
  );
  const together = await atOnce(setting);
  return {
    figure: round(p50),
    ok: p50 < MOST_SECONDS && together.runsPerMinute >= LEAST_A_MINUTE,
    detail: {
      runs: RUNS,
      secondsEach: runs.map(({ ms }) => round(ms / 1000)),
      warmUpSecondsEach: warmUps.map(({ ms }) => round(ms / 1000)),
      stagesOfTheLast: runs.at(-1)?.result.stages,
      historyEventsOfTheLast: await historyEvents(client, runs.at(-1)),
      ...together,
    },
  };
}

async function oneAfterAnother({ say, signal, stack, client, s3 }: Setting): Promise<MeasuredRun[]> {
  const target = { bucket: BUCKET, prefix: trainPrefix(MODEL), keyAlias: KEY_ALIAS };
  const days = buildWeather();
  await uploadDays(s3, target, days.slice(0, FILES - 1));
  await applyDefinitions(stack, [benchDefinition(MODEL)]);
  say(`${WARM_UPS} runs to warm up, then ${RUNS} that count, a new file before each …`);
  const runs: MeasuredRun[] = [];
  for (let index = 0; index < WARM_UPS + RUNS; index += 1) {
    signal.throwIfAborted();
    await uploadDays(s3, target, days.slice(FILES - 1 + index, FILES + index));
    runs.push(await measuredRun(client, MODEL));
  }
  return runs;
}

/** Fifty models start together; each has its runs one after another, all of them counted, creations of endpoints too. */
async function atOnce({ say, signal, stack, client, s3 }: Setting) {
  const names = Array.from({ length: MODELS_AT_ONCE }, (_, index) => `overhead-${index + 1}`);
  const days = buildWeather().slice(0, FILES);
  for (const name of names)
    await uploadDays(s3, { bucket: BUCKET, prefix: trainPrefix(name), keyAlias: KEY_ALIAS }, days);
  await applyDefinitions(stack, names.map(benchDefinition));
  say(`${MODELS_AT_ONCE} models at once, ${RUNS_A_MODEL} runs each …`);
  const started = performance.now();
  const ended: number[] = [];
  const all = await Promise.allSettled(
    names.map(async (name) => {
      for (let index = 0; index < RUNS_A_MODEL; index += 1) {
        signal.throwIfAborted();
        await measuredRun(client, name, { force: true });
        ended.push(performance.now() - started);
      }
    }),
  );
  // All of them come to rest first: the connection is closed after this.
  const failure = all.find((one) => one.status === 'rejected');
  if (failure) throw failure.reason;
  const seconds = Math.max(...ended) / 1000;
  return {
    runsPerMinute: round((ended.length / seconds) * 60, 1),
    runsPerMinuteLimit: LEAST_A_MINUTE,
    modelsAtOnce: MODELS_AT_ONCE,
    runsAtOnce: ended.length,
    endedAtSeconds: ended.map((ms) => round(ms / 1000, 2)),
  };
}

async function historyEvents(client: Client, run: MeasuredRun | undefined): Promise<number | undefined> {
  return run && (await client.workflow.getHandle(run.run).describe()).historyLength;
}
