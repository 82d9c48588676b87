import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { Client } from '@temporalio/client';
import { definitionSchema, type DefinitionInput } from '../../contracts/definition/index.js';
import type { RunRequest } from '../../contracts/runs.js';
import { s3Client, sagemakerClient } from '../../examples/demo/account.js';
import { uploadDays } from '../../examples/demo/bucket.js';
import { features } from '../../examples/demo/score.js';
import { startTraffic } from '../../examples/demo/traffic.js';
import { buildWeather } from '../../examples/seattle-weather/data.js';
import type { LocalStack } from '../../local/index.js';
import { endingOf, requestRun } from '../support/endings.js';
import { BUCKET, KEY_ALIAS, applyDefinitions, prepareBenchAccount, trainPrefix } from '../support/models.js';
import { withImage } from '../support/images.js';
import { judgeRelease, type ReleaseSeen } from '../support/release-verdict.js';
import { Alarm, SICKENING_IMAGE, releaseDefinition, servesOn, untilBaking, waitShown } from '../support/releases.js';
import { measuredRun } from '../support/runs.js';
import { trafficSteps } from '../support/shares.js';
import { withClient, withStack } from '../support/stack.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const INTERVAL_MS = 20;
const DAYS = 60;
/** How long a release that is to be taken back bakes before the cause of it. */
const BEFORE_MS = 10_000;
const ALARM = 'release-alarm-5xx';

interface Case {
  readonly name: string;
  readonly endpoint: NonNullable<DefinitionInput['endpoint']>;
  /** Shares of the new model, from before the release to after it. */
  readonly wanted: readonly number[];
  /** Milliseconds after which the new fleet stops answering /ping. */
  readonly sickens?: number;
  readonly alarm?: string;
  /** What the failure has to say; without it the run is to be Deployed. */
  readonly reason?: RegExp;
}

const CASES: readonly Case[] = [
  {
    name: 'release-canary',
    endpoint: { strategy: 'canary', step: { percent: 10 }, bake: '15s', terminationWait: '1s' },
    wanted: [0, 0.1, 1],
  },
  {
    name: 'release-linear',
    endpoint: { strategy: 'linear', step: { percent: 25 }, bake: '8s' },
    wanted: [0, 0.25, 0.5, 0.75, 1],
  },
  {
    name: 'release-alarm',
    endpoint: { strategy: 'canary', step: { percent: 20 }, bake: '10m', alarms: [ALARM] },
    wanted: [0, 0.2, 0],
    alarm: ALARM,
    reason: new RegExp(`in ALARM state during the deployment: ${ALARM}`),
  },
  {
    name: 'release-unhealthy',
    endpoint: { strategy: 'linear', step: { percent: 30 }, bake: '5m' },
    wanted: [0, 0.3, 0],
    sickens: BEFORE_MS,
    reason: /did not pass the ping health check/,
  },
];

export const release: Scenario = {
  name: 'release',
  what: 'requests lost in a canary, a linear, an alarmed and an unhealthy release by real runs, 50 a second each; shares and endings (ok)',
  unit: 'requests lost',
  limit: 0,
  bound: 'at most',
  measure: (context) =>
    withImage(SICKENING_IMAGE, () =>
      withStack(context, (stack) => withClient(stack, (client) => measure(context, stack, client))),
    ),
};

async function measure(context: BenchContext, stack: LocalStack, client: Client): Promise<Measured> {
  await prepareBenchAccount(stack);
  await applyDefinitions(
    stack,
    CASES.map(({ name, endpoint }) => releaseDefinition(name, endpoint)),
  );
  const sagemaker = sagemakerClient(stack.env);
  const alarm = new Alarm(ALARM, stack.env);
  try {
    await alarm.make();
    const seen: ReleaseSeen[] = [];
    for (const one of CASES) seen.push(await released(one, { ...context, stack, client, sagemaker, alarm }));
    return judgeRelease(seen, 1_000 / INTERVAL_MS);
  } finally {
    alarm.close();
    sagemaker.destroy();
  }
}

interface Setting extends BenchContext {
  readonly stack: LocalStack;
  readonly client: Client;
  readonly sagemaker: SageMakerClient;
  readonly alarm: Alarm;
}

/** One release under traffic, seen from outside. */
async function released(one: Case, setting: Setting): Promise<ReleaseSeen> {
  const { stack, client, sagemaker, say } = setting;
  const days = buildWeather();
  const s3 = s3Client(stack.env);
  await uploadDays(s3, { bucket: BUCKET, prefix: trainPrefix(one.name), keyAlias: KEY_ALIAS }, days.slice(0, DAYS));
  s3.destroy();
  say(`${one.name}: first deployment …`);
  const first = await measuredRun(client, one.name);
  const traffic = await startTraffic(stack.env, {
    endpoint: one.name,
    rows: days.slice(DAYS, 2 * DAYS).map(features),
    intervalMs: INTERVAL_MS,
  });
  try {
    const run = await requestRun(client, one.name, requestOf(one));
    // Released before the training is over it would find an alarm already.
    await untilBaking(setting, sagemaker, one.name, one.alarm ? BEFORE_MS : 1_000);
    const shown = await waitShown(client, run);
    if (one.alarm) await setting.alarm.set('ALARM');
    const ending = await endingOf(client, run);
    say(`${one.name}: ${ending.outcome}, ${ending.reason}`);
    const { trainingJob = '', endpointConfig = '' } = ending;
    const good = one.reason ? String(first.result.endpointConfig) : endpointConfig;
    const serves = await servesOn(sagemaker, one.name, good);
    const observations = await traffic.stop();
    const steps = await trafficSteps(stack.urls.sagemaker, one.name);
    const green = { greenConfig: endpointConfig, greenModel: trainingJob };
    const known = [String(first.result.trainingJob), trainingJob];
    return { ...one, ...green, known, shown, ending, serves, steps, observations };
  } finally {
    traffic.kill();
  }
}

/** The same definition as applied, but for the environment of a job whose model is to sicken. */
function requestOf({ name, endpoint, sickens }: Case): RunRequest {
  if (sickens === undefined) return { trigger: 'manual', force: true };
  const { training, ...rest } = releaseDefinition(name, endpoint);
  const environment = { SICKENS: String(sickens) };
  return {
    trigger: 'manual',
    force: true,
    definition: definitionSchema.parse({ ...rest, training: { ...training, environment } }),
  };
}
