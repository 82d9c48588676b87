import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { definitionHash } from '../../activities/data/hashes.js';
import { createEndpointActivities } from '../../activities/endpoint/index.js';
import type { DeployInput } from '../../contracts/activities.js';
import { exampleDefinition } from '../support/definitions.js';
import { failureOf, runActivity } from './support/local-sagemaker.js';
import { Refusal, ScriptedSageMaker } from './support/scripted-sagemaker.js';

const ref = { model: 'example', run: 'retrain/example/2026-11-21T09:00:00.000Z', runTime: '2026-11-21T09:00:00.000Z' };
const OURS = 'example-20261121T090000000Z';
const OLD = 'example-20261101T090000000Z';
const ARN = 'arn:aws:sagemaker:us-east-1:000000000000:endpoint/example';
const MISSING = new Refusal('ValidationException', `Could not find endpoint "${ARN}".`);

let server: ScriptedSageMaker;
afterEach(() => server?.close());

async function activities(scripts: Parameters<typeof ScriptedSageMaker.start>[0]) {
  server = await ScriptedSageMaker.start({
    CreateModel: {},
    CreateEndpointConfig: {},
    CreateEndpoint: {},
    UpdateEndpoint: {},
    ListTags: { Tags: [{ Key: 'perennial:model', Value: 'example' }] },
    ...scripts,
  });
  return createEndpointActivities({
    sagemaker: server.client(),
    sagemakerRuntime: server.runtime(),
    s3: new S3Client(server.config),
    region: 'us-east-1',
  });
}

const live = (count = 1, ...names: string[]) => ({
  EndpointName: 'example',
  EndpointArn: ARN,
  EndpointConfigName: OLD,
  EndpointStatus: 'InService',
  ProductionVariants: (names.length > 0 ? names : ['prod']).map((VariantName) => ({
    VariantName,
    DesiredInstanceCount: count,
  })),
});

const deploy = (section: object = {}, judged: Pick<DeployInput, 'judgedAgainst'> = {}): DeployInput => ({
  ref,
  definition: exampleDefinition({ endpoint: section }),
  image: 'image',
  artifactUri: 's3://b/model.tar.gz',
  trainingJob: 'x',
  ...judged,
});

/** The UpdateEndpoint that a section makes of an endpoint, and what the deployment warns of. */
async function updateOf(section: object, endpoint: object = live(), countBefore = 1) {
  const { startDeployment } = await activities({
    DescribeEndpoint: endpoint,
    DescribeEndpointConfig: { ProductionVariants: [{ VariantName: 'prod', InitialInstanceCount: countBefore }] },
  });
  const { warnings } = await runActivity(startDeployment, deploy(section));
  return { update: server.inputs('UpdateEndpoint')[0], warnings };
}

describe('an update moves traffic as the definition says', () => {
  it('in a canary and the rest, baked, watched by alarms, with what is live retained', async () => {
    const section = {
      strategy: 'canary',
      step: { percent: 10 },
      bake: '2m',
      terminationWait: '90s',
      alarms: ['a', 'b'],
    };
    const { update } = await updateOf(section);
    expect(update).toEqual({
      EndpointName: 'example',
      EndpointConfigName: OURS,
      RetainAllVariantProperties: true,
      DeploymentConfig: {
        BlueGreenUpdatePolicy: {
          TrafficRoutingConfiguration: {
            Type: 'CANARY',
            CanarySize: { Type: 'CAPACITY_PERCENT', Value: 10 },
            WaitIntervalInSeconds: 120,
          },
          TerminationWaitInSeconds: 90,
          MaximumExecutionTimeoutInSeconds: 3240,
        },
        AutoRollbackConfiguration: { Alarms: [{ AlarmName: 'a' }, { AlarmName: 'b' }] },
      },
    });
  });

  it('in equal steps of five minutes where nothing else is said, watched by nobody', async () => {
    const { update } = await updateOf({ strategy: 'linear', step: { instances: 2 }, count: 8 }, live(8), 8);
    expect(update?.['DeploymentConfig']).toEqual({
      BlueGreenUpdatePolicy: {
        TrafficRoutingConfiguration: {
          Type: 'LINEAR',
          LinearStepSize: { Type: 'INSTANCE_COUNT', Value: 2 },
          WaitIntervalInSeconds: 300,
        },
        TerminationWaitInSeconds: 0,
        MaximumExecutionTimeoutInSeconds: 3240,
      },
    });
  });

  it.each([
    ['alarms', { alarms: ['a'] }, { WaitIntervalInSeconds: 300 }, { TerminationWaitInSeconds: 0 }],
    [
      'a pause',
      { bake: '30s', maxWait: '5m' },
      { WaitIntervalInSeconds: 30 },
      { MaximumExecutionTimeoutInSeconds: 600 },
    ],
    [
      'a slow end',
      { terminationWait: '1m', maxWait: '1d' },
      { WaitIntervalInSeconds: 0 },
      { MaximumExecutionTimeoutInSeconds: 28_800 },
    ],
  ])('at once, with %s', async (_what, section, routing, policy) => {
    const { update } = await updateOf(section);
    expect(update?.['DeploymentConfig']).toMatchObject({
      BlueGreenUpdatePolicy: { TrafficRoutingConfiguration: { Type: 'ALL_AT_ONCE', ...routing }, ...policy },
    });
  });

  it.each([
    ['scaling moved the count', 4, 12, { Type: 'CAPACITY_PERCENT', Value: 25 }],
    ['the definition changed the count', 2, 2, { Type: 'INSTANCE_COUNT', Value: 1 }],
  ])('with a step of instances that fits where %s', async (_what, before, now, LinearStepSize) => {
    const { update } = await updateOf({ strategy: 'linear', step: { instances: 1 }, count: 4 }, live(now), before);
    expect(update?.['DeploymentConfig']).toMatchObject({
      BlueGreenUpdatePolicy: { TrafficRoutingConfiguration: { LinearStepSize } },
    });
  });

  it.each([[['other']], [['prod', 'other']]])(
    'at once, with a warning, where the live variants are %j: SageMaker wants the same names',
    async (names) => {
      const { update, warnings } = await updateOf({ strategy: 'canary', step: { percent: 10 } }, live(1, ...names));
      expect(update).not.toHaveProperty('DeploymentConfig');
      expect(warnings).toEqual([expect.stringMatching(/had the variants .*other.*no canary and no alarms/)]);
    },
  );

  it('never in the creation of an endpoint, which has nothing to move from', async () => {
    const { startDeployment } = await activities({ DescribeEndpoint: MISSING });
    await runActivity(startDeployment, deploy({ strategy: 'canary', step: { percent: 10 }, alarms: ['a'] }));
    expect(server.inputs('CreateEndpoint')[0]).not.toHaveProperty('DeploymentConfig');
    expect(server.count('UpdateEndpoint')).toBe(0);
  });
});

it('the care taken in a release is no changed definition: it retrains nobody', () => {
  const careful = exampleDefinition({
    endpoint: { strategy: 'canary', step: { percent: 10 }, bake: '2m', terminationWait: '1m', alarms: ['a'] },
  });
  expect(definitionHash(careful)).toBe(definitionHash(exampleDefinition()));
});

describe('a candidate that was judged against something', () => {
  const moving = { ...live(), EndpointStatus: 'Updating', PendingDeploymentSummary: { EndpointConfigName: OURS } };

  it.each([
    ['another config', live(), 'older', `served older .* serves ${OLD} now`],
    ['an endpoint that was made since', live(), null, `served nothing .* serves ${OLD} now`],
    ['an endpoint that is gone', MISSING, OLD, `served ${OLD} .* serves nothing now`],
  ])('is not deployed over %s, and nothing is made', async (_what, DescribeEndpoint, judgedAgainst, words) => {
    const { startDeployment } = await activities({ DescribeEndpoint });
    const failure = await failureOf(runActivity(startDeployment, deploy({}, { judgedAgainst })));
    expect(failure).toMatchObject({ type: 'LiveChanged', nonRetryable: true });
    expect(failure.message).toMatch(new RegExp(words));
    expect(server.calls.map(({ operation }) => operation)).toEqual(['DescribeEndpoint']);
  });

  it.each([
    ['what is live still is', live(), OLD],
    ['nothing is live still', MISSING, null],
    ['the endpoint is on its way to the candidate', moving, OLD],
    ['the endpoint is on the candidate', { ...live(), EndpointConfigName: OURS }, OLD],
  ])('is deployed where %s', async (_what, DescribeEndpoint, judgedAgainst) => {
    const { startDeployment } = await activities({ DescribeEndpoint, DescribeEndpointConfig: {} });
    expect(await runActivity(startDeployment, deploy({}, { judgedAgainst }))).toMatchObject({ endpointConfig: OURS });
  });

  it('waits for an endpoint that moves elsewhere, and is judged by where it arrives', async () => {
    const { startDeployment } = await activities({
      DescribeEndpoint: (_input, call) =>
        call === 1
          ? { ...moving, PendingDeploymentSummary: { EndpointConfigName: 'newer' } }
          : { ...live(), EndpointConfigName: 'newer' },
    });
    const wanted = deploy({}, { judgedAgainst: OLD });
    expect((await failureOf(runActivity(startDeployment, wanted))).type).toBe('InProgress');
    expect((await failureOf(runActivity(startDeployment, wanted))).type).toBe('LiveChanged');
    expect(server.count('CreateModel')).toBe(0);
  });
});

describe('an endpoint whose way back failed', () => {
  const stuck = { ...live(), EndpointStatus: 'UpdateRollbackFailed' };
  const back = { ref, endpoint: 'example', failedConfig: OURS, previousConfig: OLD };
  const DescribeEndpointConfig = { ProductionVariants: [{ VariantName: 'prod' }] };

  it('is updated to the previous config, all at once', async () => {
    const { rollBack } = await activities({ DescribeEndpoint: stuck, DescribeEndpointConfig });
    expect(await runActivity(rollBack, back)).toEqual({ action: 'restored', config: OLD });
    expect(server.inputs('UpdateEndpoint')).toEqual([
      { EndpointName: 'example', EndpointConfigName: OLD, RetainAllVariantProperties: true },
    ]);
  });

  it.each([
    ['is on neither of them', { ...stuck, EndpointConfigName: 'newer' }, back],
    ['was so before this run touched it', stuck, { ...back, previousConfig: undefined }],
  ])('is left alone where it %s', async (_what, DescribeEndpoint, input) => {
    const { rollBack } = await activities({ DescribeEndpoint });
    expect(await runActivity(rollBack, input)).toEqual({ action: 'none' });
    expect(server.count('UpdateEndpoint')).toBe(0);
  });
});
