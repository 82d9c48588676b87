import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeEndpointCommand, type SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { Client } from '@temporalio/client';
import { s3Client, sagemakerClient } from '../../examples/demo/account.js';
import { uploadDays } from '../../examples/demo/bucket.js';
import { features } from '../../examples/demo/score.js';
import { startTraffic, type Observation } from '../../examples/demo/traffic.js';
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
import { measuredRun } from '../support/runs.js';
import { withClient, withStack } from '../support/stack.js';
import type { LocalStack } from '../../local/index.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const MODEL = 'zero-loss';
const UPDATES = 10;
const INTERVAL_MS = 50;
/** Of the weather's days: enough to fit a model, few enough for short runs. */
const DAYS = 60;
const LOOK_MS = 20;

/** When the endpoint was first seen InService on a config. */
interface Switch {
  readonly config: string;
  readonly at: number;
}

export const zeroLoss: Scenario = {
  name: 'zero-loss',
  what: 'requests lost during ten endpoint updates by real runs, 20 a second throughout, SDK retries off',
  unit: 'requests lost',
  limit: 0,
  bound: 'at most',
  measure: (context) => withStack(context, (stack) => withClient(stack, (client) => measure(context, stack, client))),
};

async function measure({ say, signal }: BenchContext, stack: LocalStack, client: Client): Promise<Measured> {
  const { env } = stack;
  await prepareBenchAccount(stack);
  const days = buildWeather();
  const s3 = s3Client(env);
  await uploadDays(s3, { bucket: BUCKET, prefix: trainPrefix(MODEL), keyAlias: KEY_ALIAS }, days.slice(0, DAYS));
  s3.destroy();
  await applyDefinitions(stack, [benchDefinition(MODEL)]);
  say('first deployment …');
  const first = await measuredRun(client, MODEL);

  const models = new Map([[first.result.endpointConfig, first.result.trainingJob]]);
  const sagemaker = sagemakerClient(env);
  const watching = new AbortController();
  const switches: Switch[] = [];
  const watch = watchSwitches(sagemaker, switches, watching.signal);
  const traffic = await startTraffic(env, {
    endpoint: MODEL,
    rows: days.slice(DAYS, 2 * DAYS).map(features),
    intervalMs: INTERVAL_MS,
  });
  try {
    for (let update = 1; update <= UPDATES; update += 1) {
      signal.throwIfAborted();
      const { result, ms } = await measuredRun(client, MODEL, { force: true });
      models.set(result.endpointConfig, result.trainingJob);
      say(`update ${update} of ${UPDATES}: ${result.trainingJob} is live after ${(ms / 1000).toFixed(1)} s`);
    }
    // What the last model answers belongs to the observation too.
    await sleep(1_000);
    return judge(await traffic.stop(), switches, models);
  } finally {
    traffic.kill();
    watching.abort();
    await watch;
    sagemaker.destroy();
  }
}

async function watchSwitches(sagemaker: SageMakerClient, switches: Switch[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { EndpointStatus, EndpointConfigName } = await sagemaker.send(
      new DescribeEndpointCommand({ EndpointName: MODEL }),
    );
    const at = performance.timeOrigin + performance.now();
    if (EndpointStatus === 'InService' && EndpointConfigName && switches.at(-1)?.config !== EndpointConfigName)
      switches.push({ config: EndpointConfigName, at });
    await sleep(LOOK_MS);
  }
}

/** What the observations say: exported for its test. */
export function judge(
  observations: readonly Observation[],
  switches: readonly Switch[],
  models: ReadonlyMap<string | undefined, string | undefined>,
): Measured {
  const lost = observations.filter(({ ok }) => !ok);
  const known = new Set(models.values());
  const nameless = observations.filter(({ ok, model }) => ok && !known.has(model));
  // A request sent once the endpoint was seen on a config may be answered by that config's model or a later one, never an earlier one.
  const order = switches.map(({ config }) => models.get(config));
  const stale = observations.filter(({ ok, at, model }) => {
    const live = switches.findLastIndex((one) => one.at <= at);
    return ok && live >= 0 && order.indexOf(model) < live;
  });
  const start = observations[0]?.at ?? 0;
  const seconds = ((observations.at(-1)?.at ?? 0) - start) / 1000;
  const ids = [...known];
  const rate = observations.length / seconds;
  return {
    figure: lost.length,
    ok: lost.length + nameless.length + stale.length === 0 && switches.length === UPDATES + 1 && rate > 19,
    detail: {
      updates: switches.length - 1,
      requests: observations.length,
      requestsPerSecond: round(rate, 1),
      answeredByNoKnownModel: nameless.length,
      answeredByAnEarlierModel: stale.length,
      latencyMs: { p50: latency(observations, 0.5), p99: latency(observations, 0.99), max: latency(observations, 1) },
      errors: [...new Set(lost.map(({ error }) => error))],
      models: ids,
      switches: switches.map(({ config, at }) => ({ atMs: round(at - start, 1), config, model: models.get(config) })),
      observationFields: ['atMs', 'latencyMs', 'answered', 'index into models'],
      observations: observations.map(({ at, ms, ok, model }) => [
        round(at - start, 1),
        round(ms, 1),
        ok ? 1 : 0,
        ids.indexOf(model),
      ]),
    },
  };
}

const latency = (observations: readonly Observation[], share: number) =>
  round(
    percentile(
      observations.map(({ ms }) => ms),
      share,
    ),
    1,
  );
