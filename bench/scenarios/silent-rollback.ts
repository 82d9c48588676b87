import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { Client } from '@temporalio/client';
import { deployedKey, outcomeKey, parseRunId } from '../../contracts/names.js';
import type { OutcomeObject } from '../../contracts/records.js';
import { awsSettings, s3Client, sagemakerClient } from '../../examples/demo/account.js';
import { uploadDays } from '../../examples/demo/bucket.js';
import { buildWeather } from '../../examples/seattle-weather/data.js';
import type { LocalStack } from '../../local/index.js';
import { endingOf, requestRun, type Ending } from '../support/endings.js';
import {
  BUCKET,
  KEY_ALIAS,
  applyDefinitions,
  benchDefinition,
  prepareBenchAccount,
  trainPrefix,
} from '../support/models.js';
import { servesOn } from '../support/releases.js';
import { measuredRun } from '../support/runs.js';
import { addRule, completeAtOnce, withClient, withStack } from '../support/stack.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const MODEL = 'silent-rollback';
const TIMES = 5;
const DAYS = 3;

export const silentRollback: Scenario = {
  name: 'silent-rollback',
  what: 'times of five that a run takes a silent rollback of its update for a deployment, or leaves a trace of one',
  unit: 'times',
  limit: 0,
  bound: 'at most',
  measure: (context) => withStack(context, (stack) => withClient(stack, (client) => measure(context, stack, client))),
};

interface Clients {
  readonly client: Client;
  readonly s3: S3Client;
  readonly ssm: SSMClient;
  readonly sagemaker: SageMakerClient;
}

/** What says which model is live, as it stands in the account. */
interface Truth {
  readonly parameter?: string;
  readonly deployed: string;
}

async function measure({ say, signal }: BenchContext, stack: LocalStack, client: Client): Promise<Measured> {
  await prepareBenchAccount(stack);
  await completeAtOnce(stack);
  const settings = awsSettings(stack.env);
  const clients = {
    client,
    s3: s3Client(stack.env),
    ssm: new SSMClient(settings),
    sagemaker: sagemakerClient(stack.env),
  };
  const days = buildWeather();
  const upload = (from: number, to: number) =>
    uploadDays(clients.s3, { bucket: BUCKET, prefix: trainPrefix(MODEL), keyAlias: KEY_ALIAS }, days.slice(from, to));
  try {
    await upload(0, DAYS);
    await applyDefinitions(stack, [benchDefinition(MODEL)]);
    const first = await measuredRun(client, MODEL);
    const good = String(first.result.endpointConfig);
    const times = [];
    for (let time = 1; time <= TIMES; time += 1) {
      signal.throwIfAborted();
      await upload(DAYS + time - 1, DAYS + time);
      await addRule(stack.urls.sagemaker, { kind: 'endpoint', action: 'silent-rollback', match: MODEL, times: 1 });
      const seen = await rolledBack(clients, good);
      say(`${time} of ${TIMES}: ${seen.ending.outcome} (${seen.ending.failureType}); then ${seen.next.outcome}`);
      times.push(seen);
    }
    // The same data is news again once somebody insists, and nothing stands in its way.
    const last = await measuredRun(client, MODEL, { force: true });
    const wrong = times.filter(({ faults }) => faults.length > 0).length;
    const served = await servesOn(clients.sagemaker, MODEL, String(last.result.endpointConfig));
    return { figure: wrong, ok: wrong === 0 && served, detail: { firstConfig: good, times, deployedInTheEnd: served } };
  } finally {
    for (const one of [clients.s3, clients.ssm, clients.sagemaker]) one.destroy();
  }
}

/** One run whose update is silently rolled back, the schedule's next one, and what is wrong about either. */
async function rolledBack(clients: Clients, good: string) {
  const { client, sagemaker } = clients;
  const before = await truthOf(clients);
  const ending = await endingOf(client, await requestRun(client, MODEL, { trigger: 'schedule' }));
  const after = await truthOf(clients);
  const recorded = JSON.parse(await textOf(clients.s3, outcomeKey(prefix, runTimeOf(ending)))) as OutcomeObject;
  const serves = await servesOn(sagemaker, MODEL, good);
  const next = await endingOf(client, await requestRun(client, MODEL, { trigger: 'schedule' }));
  const checks: Record<string, boolean> = {
    'the run is Failed with DeploymentRolledBack': isRolledBack(ending),
    'its outcome object says so too': isRolledBack(recorded) && recorded.deployedAt === undefined,
    'the SSM parameter is unchanged': before.parameter === after.parameter,
    'deployed.json is unchanged': before.deployed === after.deployed,
    'the endpoint is in service on the old config': serves,
    "the schedule's next run finds NoNewData": next.outcome === 'NoNewData',
  };
  const faults = Object.keys(checks).filter((check) => !checks[check]);
  return { faults, ending, next, before, after };
}

const prefix = `models/${MODEL}/`;
const runTimeOf = ({ run }: Ending) => parseRunId(run)?.time ?? '';
const isRolledBack = ({ outcome, failureType }: Pick<Ending, 'outcome' | 'failureType'>) =>
  outcome === 'Failed' && failureType === 'DeploymentRolledBack';

async function truthOf({ s3, ssm }: Clients): Promise<Truth> {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: `/models/${MODEL}/train/latest` }));
  return { parameter: Parameter?.Value, deployed: await textOf(s3, deployedKey(prefix)) };
}

async function textOf(s3: S3Client, Key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
  return (await Body?.transformToString()) ?? '';
}
