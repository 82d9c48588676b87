import { S3Client } from '@aws-sdk/client-s3';
import { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { afterEach, describe, expect, it } from 'vitest';
import { createEndpointActivities } from '../../activities/endpoint/index.js';
import { startFaultProxy, type FaultProxy } from '../../bench/support/faults/index.js';
import { exampleDefinition } from '../support/definitions.js';
import { failureOf, runActivity } from './support/local-sagemaker.js';
import { Refusal, ScriptedSageMaker } from './support/scripted-sagemaker.js';

const ref = { model: 'example', run: 'retrain/example/2026-11-21T09:00:00.000Z', runTime: '2026-11-21T09:00:00.000Z' };
const OURS = 'example-20261121T090000000Z';
const OLD = 'example-20261101T090000000Z';
const ARN = 'arn:aws:sagemaker:us-east-1:000000000000:endpoint/example';
const MISSING = new Refusal('ValidationException', `Could not find endpoint "${ARN}".`);
const MOVING = new Refusal('ValidationException', `Cannot update in-progress endpoint "${ARN}".`);
const variants = [{ VariantName: 'prod', DesiredInstanceCount: 1 }];
const live = { EndpointName: 'example', EndpointArn: ARN, EndpointConfigName: OLD, ProductionVariants: variants };
const inService = { ...live, EndpointStatus: 'InService' };
const made = { CreateModel: {}, CreateEndpointConfig: {} };
const ownTags = { Tags: [{ Key: 'perennial:model', Value: 'example' }] };

let server: ScriptedSageMaker;
let proxy: FaultProxy | undefined;
afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
  await server.close();
});

type Scripts = Parameters<typeof ScriptedSageMaker.start>[0];

/** The activities, with the fault proxy between them and SageMaker. */
async function activitiesBehindProxy(scripts: Scripts) {
  server = await ScriptedSageMaker.start(scripts);
  const { endpoint } = server.config;
  proxy = await startFaultProxy({ urls: { aws: endpoint, sagemaker: endpoint, slack: endpoint, postgres: endpoint } });
  return activitiesOver(new SageMakerClient({ ...server.config, endpoint: proxy.env['AWS_ENDPOINT_URL_SAGEMAKER'] }));
}

async function activities(scripts: Scripts) {
  server = await ScriptedSageMaker.start(scripts);
  return activitiesOver(server.client());
}

function activitiesOver(sagemaker: SageMakerClient) {
  return createEndpointActivities({
    sagemaker,
    sagemakerRuntime: server.runtime(),
    s3: new S3Client(server.config),
    region: 'us-east-1',
  });
}

const deploy = (section: object = {}) => ({
  ref,
  definition: exampleDefinition({ endpoint: section }),
  image: 'image',
  artifactUri: 's3://b/model.tar.gz',
  trainingJob: 'x',
});
const wait = { ref, endpoint: 'example', endpointConfig: OURS, poll: '60s' };

describe('every status of an endpoint that is waited for', () => {
  it('InService on the wanted config is the only success', async () => {
    const { awaitEndpoint } = await activities({ DescribeEndpoint: { ...inService, EndpointConfigName: OURS } });
    expect(await runActivity(awaitEndpoint, wait)).toEqual({ status: 'InService' });
  });

  it.each([
    [
      inService,
      'DeploymentRolledBack',
      /on example-20261101.*, not on example-20261121.* \(SageMaker gave no reason\)/,
    ],
    [{ ...inService, FailureReason: 'no ping' }, 'DeploymentRolledBack', /no ping.*old model went on serving/],
    [
      { ...live, EndpointStatus: 'Failed', FailureReason: 'no capacity' },
      'EndpointFailed',
      /Failed: no capacity.*us-east-1/,
    ],
    [{ ...live, EndpointStatus: 'OutOfService' }, 'EndpointFailed', /OutOfService/],
    [{ ...live, EndpointStatus: 'UpdateRollbackFailed' }, 'EndpointFailed', /UpdateRollbackFailed/],
    [{ ...live, EndpointConfigName: OURS, EndpointStatus: 'Deleting' }, 'UnknownStatus', /"Deleting"/],
    [{ ...live, EndpointConfigName: OURS, EndpointStatus: 'Serving' }, 'UnknownStatus', /"Serving"/],
    [MISSING, 'ResourceMissing', /somebody deleted it/],
  ])('%j: %s', async (answer, type, message) => {
    const { awaitEndpoint } = await activities({ DescribeEndpoint: answer });
    const failure = await failureOf(runActivity(awaitEndpoint, wait));
    expect(failure).toMatchObject({ type, nonRetryable: true });
    expect(failure.message).toMatch(message);
  });

  it.each(['Creating', 'Updating', 'SystemUpdating', 'RollingBack'])('%s: not over', async (EndpointStatus) => {
    const { awaitEndpoint } = await activities({ DescribeEndpoint: { ...live, EndpointStatus } });
    const failure = await failureOf(runActivity(awaitEndpoint, wait));
    expect(failure).toMatchObject({ type: 'InProgress', category: 'BENIGN', nonRetryable: false });
    expect(failure.message).toMatch(new RegExp(`^${EndpointStatus}: endpoint example, waited 0 s`));
  });
});

describe('an endpoint that is there already', () => {
  it('is updated with its variants retained', async () => {
    const { startDeployment } = await activities({
      ...made,
      DescribeEndpoint: inService,
      ListTags: ownTags,
      UpdateEndpoint: {},
    });
    expect(await runActivity(startDeployment, deploy())).toEqual({
      modelName: OURS,
      endpoint: 'example',
      endpointConfig: OURS,
      action: 'updated',
      previousConfig: OLD,
      warnings: [],
    });
    expect(server.inputs('UpdateEndpoint')).toEqual([
      { EndpointName: 'example', EndpointConfigName: OURS, RetainAllVariantProperties: true },
    ]);
    expect(server.calls).toHaveLength(5);
  });

  it.each([
    ['scaling moved the count', 1, undefined],
    ['the definition changed the count', 5, [{ VariantPropertyType: 'DesiredInstanceCount' }]],
  ])('%s', async (_what, before, excluded) => {
    const { startDeployment } = await activities({
      ...made,
      DescribeEndpoint: { ...inService, ProductionVariants: [{ VariantName: 'prod', DesiredInstanceCount: 4 }] },
      DescribeEndpointConfig: { ProductionVariants: [{ VariantName: 'prod', InitialInstanceCount: before }] },
      ListTags: ownTags,
      UpdateEndpoint: {},
    });
    await runActivity(startDeployment, deploy());
    const [update] = server.inputs('UpdateEndpoint');
    expect(update?.['RetainAllVariantProperties']).toBe(true);
    expect(update?.['ExcludeRetainedVariantProperties']).toEqual(excluded);
  });

  it('has nothing to retain for a variant that is not live', async () => {
    const { startDeployment } = await activities({
      ...made,
      DescribeEndpoint: inService,
      ListTags: ownTags,
      UpdateEndpoint: {},
    });
    await runActivity(startDeployment, deploy({ variant: 'other' }));
    expect(server.inputs('UpdateEndpoint')).toEqual([{ EndpointName: 'example', EndpointConfigName: OURS }]);
  });

  it.each([
    [
      'Updating to another config',
      { ...live, EndpointStatus: 'Updating', PendingDeploymentSummary: { EndpointConfigName: 'x' } },
    ],
    ['Creating with another config', { ...live, EndpointStatus: 'Creating' }],
    ['RollingBack', { ...live, EndpointStatus: 'RollingBack' }],
    ['SystemUpdating', { ...live, EndpointStatus: 'SystemUpdating' }],
    ['Deleting', { ...live, EndpointStatus: 'Deleting' }],
  ])('is waited for while %s', async (_what, answer) => {
    const { startDeployment } = await activities({ ...made, DescribeEndpoint: answer });
    expect((await failureOf(runActivity(startDeployment, deploy()))).type).toBe('InProgress');
    expect(server.count('CreateEndpointConfig')).toBe(0);
  });

  it('is refused in a status nobody knows', async () => {
    const { startDeployment } = await activities({ ...made, DescribeEndpoint: { ...live, EndpointStatus: 'Serving' } });
    expect((await failureOf(runActivity(startDeployment, deploy()))).type).toBe('UnknownStatus');
  });

  it('is attached to while it moves to our config, and what it was on is known', async () => {
    const { startDeployment } = await activities({
      ...made,
      DescribeEndpoint: { ...live, EndpointStatus: 'Updating', PendingDeploymentSummary: { EndpointConfigName: OURS } },
    });
    expect(await runActivity(startDeployment, deploy())).toMatchObject({ action: 'updated', previousConfig: OLD });
  });

  it('is attached to where the refusal was the echo of our own update', async () => {
    const { startDeployment } = await activities({
      ...made,
      DescribeEndpoint: (_input, call) =>
        call === 1
          ? inService
          : { ...live, EndpointStatus: 'Updating', PendingDeploymentSummary: { EndpointConfigName: OURS } },
      ListTags: ownTags,
      UpdateEndpoint: MOVING,
    });
    expect(await runActivity(startDeployment, deploy())).toMatchObject({ action: 'updated', previousConfig: OLD });
  });

  it.each([
    ['the service fails', 'internal error', 'ServiceUnavailable', 0],
    ['its answer is lost', 'dropped after', 'NetworkError', 1],
  ] as const)(
    'is asked for once an attempt where %s: the SDK could begin a second one',
    async (_, kind, type, taken) => {
      const { startDeployment, rollBack } = await activitiesBehindProxy({
        ...made,
        DescribeEndpoint: (_input, call) => (call === 1 ? inService : { ...inService, EndpointConfigName: OURS }),
        DescribeEndpointConfig: { ProductionVariants: variants },
        ListTags: ownTags,
        UpdateEndpoint: {},
      });
      const key = 'SageMaker.UpdateEndpoint example-<run>';
      proxy?.book.set({ key, nth: 1, kind, times: 2, sprung: () => undefined });
      const failure = await failureOf(runActivity(startDeployment, deploy()));
      expect(failure).toMatchObject({ type, nonRetryable: false });
      const back = { ref, endpoint: 'example', failedConfig: OURS, previousConfig: OLD };
      expect((await failureOf(runActivity(rollBack, back))).type).toBe(type);
      expect(proxy?.book.calls.filter((call) => call.key === key)).toHaveLength(2);
      expect(server.count('UpdateEndpoint')).toBe(2 * taken);
    },
  );

  it("is waited for where the refusal was due to somebody else's update", async () => {
    const { startDeployment } = await activities({
      ...made,
      DescribeEndpoint: (_input, call) => (call === 1 ? inService : { ...live, EndpointStatus: 'Updating' }),
      ListTags: ownTags,
      UpdateEndpoint: MOVING,
    });
    expect((await failureOf(runActivity(startDeployment, deploy()))).type).toBe('InProgress');
  });
});

describe('rolling back', () => {
  const back = { ref, endpoint: 'example', failedConfig: OURS, previousConfig: OLD };

  it.each([
    ['absent', MISSING, 'none'],
    ['on another config by now', { ...inService, EndpointConfigName: 'newer' }, 'none'],
    [
      'on its way back already',
      { ...live, EndpointStatus: 'Updating', PendingDeploymentSummary: { EndpointConfigName: OLD } },
      'restored',
    ],
    ['being deleted', { ...live, EndpointStatus: 'Deleting' }, 'removed'],
  ])('leaves alone an endpoint that is %s', async (_what, answer, action) => {
    const { rollBack } = await activities({ DescribeEndpoint: answer });
    expect(await runActivity(rollBack, back)).toMatchObject({ action });
    expect(server.calls).toHaveLength(1);
  });

  it('waits for an endpoint that moves', async () => {
    const { rollBack } = await activities({ DescribeEndpoint: { ...live, EndpointStatus: 'Updating' } });
    expect((await failureOf(runActivity(rollBack, back))).type).toBe('InProgress');
  });
});

describe('waiting until an endpoint is gone', () => {
  it.each([
    [{ ...live, EndpointStatus: 'Deleting' }, 'InProgress'],
    [inService, 'EndpointFailed'],
    [{ ...live, EndpointStatus: 'Vanishing' }, 'UnknownStatus'],
  ])('%j: %s', async (answer, type) => {
    const { awaitEndpointGone } = await activities({ DescribeEndpoint: answer });
    expect((await failureOf(runActivity(awaitEndpointGone, { endpoint: 'example' }))).type).toBe(type);
  });
});
