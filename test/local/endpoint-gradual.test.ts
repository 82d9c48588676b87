import { CloudWatchClient, PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { UpdateEndpointCommand, type DeploymentConfig } from '@aws-sdk/client-sagemaker';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { until } from './fixtures/sagemaker.js';
import { Harness } from './fixtures-serve/harness.js';

const aws = inject('aws').endpoint;
const harness = new Harness(aws);
const cloudWatch = new CloudWatchClient({
  endpoint: aws,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});

beforeAll(async () => {
  await harness.start();
  await harness.config('blue');
  await harness.config('green');
});
afterAll(async () => {
  cloudWatch.destroy();
  await harness.close();
});
afterEach(() => fetch(`${harness.url}/_local/rules`, { method: 'DELETE' }));

type Routing = Partial<NonNullable<DeploymentConfig['BlueGreenUpdatePolicy']>['TrafficRoutingConfiguration']>;

const canary = (percent: number, seconds: number, alarms: string[] = []): DeploymentConfig => ({
  ...routed({
    Type: 'CANARY',
    CanarySize: { Type: 'CAPACITY_PERCENT', Value: percent },
    WaitIntervalInSeconds: seconds,
  }),
  ...(alarms.length > 0 && { AutoRollbackConfiguration: { Alarms: alarms.map((AlarmName) => ({ AlarmName })) } }),
});

function routed(routing: Routing, more: object = {}): DeploymentConfig {
  return {
    BlueGreenUpdatePolicy: {
      TrafficRoutingConfiguration: { Type: 'ALL_AT_ONCE', WaitIntervalInSeconds: 0, ...routing },
      ...more,
    },
  };
}

const update = (name: string, DeploymentConfig: DeploymentConfig, config = 'green') =>
  harness.control.send(new UpdateEndpointCommand({ EndpointName: name, EndpointConfigName: config, DeploymentConfig }));

/** Describe's answer once the pending deployment shows this status, and this text where one is given. */
const pending = (name: string, status: string, text = '') =>
  until(async () => {
    const answer = await harness.describe(name);
    const shown = answer.PendingDeploymentSummary?.ProductionVariants?.[0]?.VariantStatus?.[0];
    return shown?.Status === status && shown.StatusMessage?.includes(text) ? answer : undefined;
  }, `${name} ${status}`);

interface Step {
  readonly shares: { readonly config: string; readonly weight: number; readonly requests: number }[];
}

async function steps(name: string): Promise<Step[]> {
  const answer = await fetch(`${harness.url}/_local/endpoints/${name}/traffic`);
  return ((await answer.json()) as { steps: Step[] }).steps;
}

async function alarm(name: string): Promise<string> {
  await cloudWatch.send(
    new PutMetricAlarmCommand({
      AlarmName: name,
      Namespace: 'AWS/SageMaker',
      MetricName: name,
      Statistic: 'Sum',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanThreshold',
    }),
  );
  await cloudWatch.send(new SetAlarmStateCommand({ AlarmName: name, StateValue: 'OK', StateReason: 'test' }));
  return name;
}

const trip = (AlarmName: string) =>
  cloudWatch.send(new SetAlarmStateCommand({ AlarmName, StateValue: 'ALARM', StateReason: 'test' }));

/** Ten requests at a time until told to stop; which config answered each. An error fails the test. */
function traffic(endpoint: string): { stop(): Promise<string[]> } {
  const answers: string[] = [];
  let going = true;
  const senders = Array.from({ length: 10 }, async () => {
    while (going) answers.push((await harness.invoke(endpoint, 'sleep:5')).id);
  });
  return {
    async stop() {
      going = false;
      await Promise.all(senders);
      return answers;
    },
  };
}

describe('a gradual update', () => {
  it('gives green its share at each step, bakes, waits and loses no request', async () => {
    await harness.endpoint('canary', 'blue');
    const requests = traffic('canary');
    await update('canary', canary(20, 2));
    const baking = await pending('canary', 'Baking', 'Step 1 of 2: 20% of the traffic');
    expect(baking).toMatchObject({
      EndpointStatus: 'Updating',
      EndpointConfigName: 'blue',
      PendingDeploymentSummary: { EndpointConfigName: 'green' },
    });
    const after = await harness.settled('canary');
    const answers = await requests.stop();
    expect(after).toMatchObject({
      EndpointStatus: 'InService',
      EndpointConfigName: 'green',
      LastDeploymentConfig: canary(20, 2),
    });
    expect(after.PendingDeploymentSummary).toBeUndefined();

    const seen = await steps('canary');
    expect(seen.map(({ shares }) => shares.map(({ config, weight }) => [config, weight]))).toEqual([
      [['blue', 1]],
      [
        ['blue', 0.8],
        ['green', 0.2],
      ],
      [['green', 1]],
    ]);
    const [, mixed] = seen;
    const [blue = 0, green = 0] = (mixed?.shares ?? []).map((share) => share.requests);
    const total = blue + green;
    // Five standard deviations: a wrong share is found, and chance alone fails one run in a million.
    expect(Math.abs(green - total * 0.2)).toBeLessThan(5 * Math.sqrt(total * 0.2 * 0.8) + 1);
    expect(green).toBeGreaterThan(0);
    const counted = seen.flatMap(({ shares }) => shares).filter(({ config }) => config === 'green');
    expect(counted.reduce((sum, share) => sum + share.requests, 0)).toBe(answers.filter((id) => id === 'green').length);
  });

  it('goes on in linear steps counted in instances, for an endpoint without programs as well', async () => {
    await harness.rule({ kind: 'endpoint', action: 'complete' });
    await harness.config('four', {}, { InitialInstanceCount: 4 });
    await harness.endpoint('linear', 'four');
    const size = { Type: 'INSTANCE_COUNT', Value: 1 } as const;
    const config = routed(
      { Type: 'LINEAR', LinearStepSize: size, WaitIntervalInSeconds: 0 },
      { TerminationWaitInSeconds: 2 },
    );
    await update('linear', config, 'four');
    const ending = await pending('linear', 'Updating');
    expect(ending.ProductionVariants?.[0]?.VariantStatus).toMatchObject([{ Status: 'Deleting' }]);
    expect(await harness.settled('linear')).toMatchObject({ EndpointStatus: 'InService' });
    expect((await steps('linear')).map(({ shares }) => shares.at(-1)?.weight)).toEqual([1, 0.25, 0.5, 0.75, 1]);
  });

  it('returns all traffic to blue when an alarm trips, and says which', async () => {
    const names = [await alarm('errors'), await alarm('latency')];
    await harness.endpoint('alarmed', 'blue');
    const requests = traffic('alarmed');
    await update('alarmed', canary(50, 3600, names));
    await pending('alarmed', 'Baking');
    await trip('latency');
    const after = await harness.settled('alarmed');
    expect(after).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: 'blue' });
    expect(after.FailureReason).toBe(
      'One or more configured alarm(s) were in ALARM state during the deployment: latency.',
    );
    expect(after.PendingDeploymentSummary).toBeUndefined();
    await requests.stop();
    expect((await steps('alarmed')).at(-1)?.shares).toMatchObject([{ config: 'blue', weight: 1 }]);

    await update('alarmed', canary(50, 0, ['nobody-made-it']));
    const again = await harness.settled('alarmed');
    expect(again).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: 'blue' });
    expect(again.FailureReason).toMatch(/no alarm\(s\) of these names: nobody-made-it/);
  });

  it('returns all traffic to blue when green sickens under it', async () => {
    await harness.config('sickly', { BEHAVIOUR: 'sickens' });
    await harness.endpoint('watched', 'blue');
    await update('watched', canary(10, 3600), 'sickly');
    const after = await harness.settled('watched');
    expect(after).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: 'blue' });
    expect(after.FailureReason).toMatch(/AllTraffic did not pass the ping health check\. Please check the log/);
    expect((await harness.invoke('watched')).id).toBe('blue');
  });
});

describe('a restart in the middle of a bake', () => {
  it('goes on with the step it was in', async () => {
    await harness.endpoint('resumed', 'blue');
    await update('resumed', canary(50, 2));
    await pending('resumed', 'Baking', 'Step 2 of 2');
    await harness.shutDown();
    await harness.boot();
    expect((await harness.describe('resumed')).EndpointStatus).toBe('Updating');
    expect(await harness.settled('resumed')).toMatchObject({
      EndpointStatus: 'InService',
      EndpointConfigName: 'green',
    });
    expect((await steps('resumed')).map(({ shares }) => shares.map(({ weight }) => weight))).toEqual([[1], [1]]);
    expect((await harness.invoke('resumed')).id).toBe('green');
  });

  it('rolls back if its time is over meanwhile', async () => {
    await harness.endpoint('late', 'blue');
    const limit = { MaximumExecutionTimeoutInSeconds: 600 };
    await update('late', routed({ WaitIntervalInSeconds: 300 }, limit));
    await pending('late', 'Baking');
    await harness.shutDown();
    await older('late', 601_000);
    await harness.boot();
    const after = await harness.settled('late');
    expect(after).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: 'blue' });
    expect(after.FailureReason).toMatch(/longer than MaximumExecutionTimeoutInSeconds \(600 s\)/);
    expect((await harness.invoke('late')).id).toBe('blue');
  });
});

/** Moves the start of a pending deployment into the past, in the files of a server that is down. */
async function older(endpoint: string, ms: number): Promise<void> {
  const folder = join(harness.stateDir, 'resources', 'endpoint');
  expect(await readdir(folder)).toContain(`${endpoint}.json`);
  const file = join(folder, `${endpoint}.json`);
  const record = JSON.parse(await readFile(file, 'utf8')) as { pending: { createdAt: number } };
  record.pending.createdAt -= ms;
  await writeFile(file, JSON.stringify(record));
}
