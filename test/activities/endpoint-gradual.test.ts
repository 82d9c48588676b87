import { CloudWatchClient, PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeEndpointCommand, DescribeEndpointConfigCommand } from '@aws-sdk/client-sagemaker';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { createEndpointActivities } from '../../activities/endpoint/index.js';
import { createOrphanActivities } from '../../activities/orphans/index.js';
import type {
  DeployInput,
  DeploymentStarted,
  EndpointActivities,
  OrphanActivities,
} from '../../contracts/activities.js';
import { until } from '../support/local.js';
import { failureOf, REGION, runActivity, SageMakerWorld, untilDone } from './support/local-sagemaker.js';

let world: SageMakerWorld;
let endpoints: EndpointActivities;
let orphans: OrphanActivities;
let cloudWatch: CloudWatchClient;
beforeAll(async () => {
  world = await SageMakerWorld.make();
  const { sagemaker, sagemakerRuntime, s3 } = world;
  endpoints = createEndpointActivities({ sagemaker, sagemakerRuntime, s3, region: REGION });
  orphans = createOrphanActivities({ sagemaker, s3, region: REGION });
  cloudWatch = new CloudWatchClient({
    endpoint: inject('aws').endpoint,
    region: REGION,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  await world.put(
    'model.tar.gz',
    'never unpacked where control rules bring an endpoint up, and no archive where a program is to serve it',
  );
});
afterAll(async () => {
  cloudWatch.destroy();
  await world.close();
});

let endpoint: string;
let alarm: string;
let count = 0;
beforeEach(async () => {
  endpoint = `${world.model}-gradual-${++count}`;
  alarm = `${endpoint}-5xx`;
  await cloudWatch.send(
    new PutMetricAlarmCommand({
      AlarmName: alarm,
      Namespace: 'AWS/SageMaker',
      MetricName: 'Invocation5XXErrors',
      Statistic: 'Sum',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanThreshold',
    }),
  );
  await setAlarm('OK');
  await world.rule({ kind: 'endpoint', action: 'complete' });
});
afterEach(() => world.clearRules());

const setAlarm = (StateValue: 'OK' | 'ALARM') =>
  cloudWatch.send(new SetAlarmStateCommand({ AlarmName: alarm, StateValue, StateReason: 'test' }));

function input(section: object): DeployInput {
  return {
    ref: world.nextRef(),
    definition: world.definition({ endpoint: { name: endpoint, ...section } }),
    image: '382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1',
    artifactUri: `s3://${world.bucket}/model.tar.gz`,
    trainingJob: 'x',
  };
}

const waitOf = ({ ref }: DeployInput, { endpointConfig }: DeploymentStarted) => ({
  ref,
  endpoint,
  endpointConfig,
  poll: '1s',
});

/** A first deployment, which everything here falls back to; answers with its config. */
async function blue(): Promise<string> {
  const first = input({});
  const started = await runActivity(endpoints.startDeployment, first);
  await untilDone(endpoints.awaitEndpoint, waitOf(first, started));
  return started.endpointConfig;
}

/** An update that has begun. */
async function release(section: object) {
  const wanted = input(section);
  const started = await runActivity(endpoints.startDeployment, wanted);
  return { wanted, started, wait: waitOf(wanted, started) };
}

const CANARY = { strategy: 'canary', step: { percent: 10 }, bake: '5m' };
const LINEAR = { strategy: 'linear', step: { percent: 50 }, bake: '5m' };
const live = () => world.sagemaker.send(new DescribeEndpointCommand({ EndpointName: endpoint }));
const configOf = (EndpointConfigName: string) =>
  world.sagemaker.send(new DescribeEndpointConfigCommand({ EndpointConfigName }));

/** What the Temporal UI shows of the wait, once it says this. */
async function waitShows(wait: ReturnType<typeof waitOf>, words: RegExp): Promise<void> {
  let shown = '';
  await until(`the wait shows ${words}`, async () => {
    const error: unknown = await runActivity(endpoints.awaitEndpoint, wait).catch((failed: unknown) => failed);
    shown = error instanceof ApplicationFailure && error.type === 'InProgress' ? error.message : '';
    return words.test(shown);
  });
}

/** As the run ends it: back if need be, then what was made for the release removed. The config that serves must survive that. */
async function undo({ wanted, started }: Awaited<ReturnType<typeof release>>, good: string) {
  const { ref, definition } = wanted;
  const { endpointConfig: failedConfig, previousConfig } = started;
  expect(previousConfig).toBe(good);
  const back = await runActivity(endpoints.rollBack, { ref, endpoint, failedConfig, previousConfig });
  await untilDone(orphans.discardDeployment, { ref, definition, back });
  await runActivity(endpoints.cleanUp, { ref, definition });
  expect(await live()).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: good });
  expect((await configOf(good)).EndpointConfigName).toBe(good);
  await expect(configOf(failedConfig)).rejects.toThrow('Could not find endpoint configuration');
  return back;
}

describe('a gradual release', () => {
  it('ends in service on the new config, its stages shown meanwhile', async () => {
    const good = await blue();
    const { wanted, started, wait } = await release({ ...CANARY, bake: '2s', terminationWait: '1s', alarms: [alarm] });
    await waitShows(
      wait,
      /^Updating: endpoint \S+, new fleet Baking for \d s \(Step 1 of 2: 10% of the traffic\), waited/,
    );
    await waitShows(wait, /new fleet Baking for \d s \(Step 2 of 2: 100% of the traffic\)/);
    expect(await untilDone(endpoints.awaitEndpoint, wait)).toEqual({ status: 'InService' });
    await runActivity(endpoints.cleanUp, { ref: wanted.ref, definition: wanted.definition });
    expect((await live()).EndpointConfigName).toBe(started.endpointConfig);
    expect((await configOf(good)).EndpointConfigName).toBe(good);
  });

  it.each([
    ['canary', CANARY],
    ['linear', LINEAR],
  ])('%s: an alarm takes it back, and the failure names the alarm', async (_strategy, section) => {
    const good = await blue();
    const begun = await release({ ...section, alarms: [alarm] });
    await waitShows(begun.wait, /Baking/);
    await setAlarm('ALARM');
    const failure = await failureOf(untilDone(endpoints.awaitEndpoint, begun.wait));
    expect(failure).toMatchObject({ type: 'DeploymentRolledBack', nonRetryable: true });
    expect(failure.message).toContain(`is back in service on ${good}, not on ${begun.started.endpointConfig}`);
    expect(failure.message).toContain(`in ALARM state during the deployment: ${alarm}`);
    expect(await undo(begun, good)).toEqual({ action: 'none' });
  });

  it.each([
    ['canary', CANARY],
    ['linear', LINEAR],
  ])('%s: a fleet that never gets healthy takes no traffic, and the failure says why', async (_strategy, section) => {
    const good = await blue();
    await world.clearRules();
    const begun = await release(section);
    const failure = await failureOf(untilDone(endpoints.awaitEndpoint, begun.wait));
    expect(failure.type).toBe('DeploymentRolledBack');
    expect(failure.message).toContain('model.tar.gz');
    await undo(begun, good);
  });

  it('a roll-back without a word is none the less no success', async () => {
    const good = await blue();
    await world.rule({ kind: 'endpoint', action: 'silent-rollback' });
    const begun = await release({ ...CANARY, alarms: [alarm] });
    const failure = await failureOf(untilDone(endpoints.awaitEndpoint, begun.wait));
    expect(failure.type).toBe('DeploymentRolledBack');
    expect(failure.message).toContain('SageMaker gave no reason');
    await undo(begun, good);
  });

  it('where the way back fails too, the endpoint is put on the last good config', async () => {
    const good = await blue();
    await world.rule({ kind: 'endpoint', action: 'rollback-failed', reason: 'no instances to go back to', times: 1 });
    const begun = await release({ ...LINEAR, alarms: [alarm] });
    const failure = await failureOf(untilDone(endpoints.awaitEndpoint, begun.wait));
    expect(failure.type).toBe('EndpointFailed');
    expect(failure.message).toContain('UpdateRollbackFailed: no instances to go back to');
    expect(await undo(begun, good)).toEqual({ action: 'restored', config: good });
  });

  it('given up by the run while it bakes, it is taken back once it stands', async () => {
    const good = await blue();
    const begun = await release({ ...CANARY, bake: '1s' });
    const { ref, started } = { ref: begun.wanted.ref, started: begun.started };
    const back = { ref, endpoint, failedConfig: started.endpointConfig, previousConfig: started.previousConfig };
    await waitShows(begun.wait, /Baking/);
    expect((await failureOf(runActivity(endpoints.rollBack, back))).type).toBe('InProgress');
    await untilDone(endpoints.awaitEndpoint, begun.wait);
    expect(await undo(begun, good)).toEqual({ action: 'restored', config: good });
  });
});
