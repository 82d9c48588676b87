import { CreateKeyCommand, DisableKeyCommand, KMSClient, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { CreateEndpointConfigCommand, DeleteEndpointCommand, UpdateEndpointCommand } from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { resolveDeployment } from '../../local/sagemaker/endpoints/deployment.js';
import { getConfig } from '../../local/sagemaker/endpoints/configs.js';
import { Fleet } from '../../local/sagemaker/endpoints/fleet.js';
import { EventBus } from './fixtures-serve/event-bus.js';
import { Harness } from './fixtures-serve/harness.js';

const bus = new EventBus();
let harness: Harness;
const update = (name: string, config: string) =>
  harness.control.send(new UpdateEndpointCommand({ EndpointName: name, EndpointConfigName: config }));
const statuses = (name: string) =>
  bus.events
    .filter((event) => event.type === 'SageMaker Endpoint State Change' && event.detail['EndpointName'] === name)
    .map((event) => event.detail['EndpointStatus']);

beforeAll(async () => {
  harness = new Harness(inject('aws').endpoint, { AWS_ENDPOINT_URL_EVENTBRIDGE: await bus.listen() });
  await harness.start();
  await harness.config('good');
  await harness.config('better');
});
afterAll(async () => {
  await harness.close();
  await bus.close();
});

describe('a deployment that fails', () => {
  it('leaves a new endpoint Failed, which can only be deleted', async () => {
    await harness.config('exits', { BEHAVIOUR: 'exit' });
    const failed = await harness.endpoint('stillborn', 'exits');
    expect(failed).toMatchObject({ EndpointStatus: 'Failed', EndpointConfigName: 'exits' });
    expect(failed.FailureReason).toMatch(/did not pass the ping health check\. .*ended \(code 3\)/);
    await expect(harness.invoke('stillborn')).rejects.toMatchObject({ name: 'ValidationError' });
    await expect(update('stillborn', 'good')).rejects.toMatchObject({ name: 'ValidationException' });
    await harness.control.send(new DeleteEndpointCommand({ EndpointName: 'stillborn' }));
    await expect(harness.settled('stillborn')).rejects.toMatchObject({ name: 'ValidationException' });
  });

  it('says that the model data has gone', async () => {
    await harness.config('fleeting');
    await harness.s3.send(new DeleteObjectCommand({ Bucket: harness.bucket, Key: 'fleeting/model.tar.gz' }));
    expect(await harness.endpoint('dataless', 'fleeting')).toMatchObject({
      EndpointStatus: 'Failed',
      FailureReason: expect.stringContaining(`s3://${harness.bucket}/fleeting/model.tar.gz`) as string,
    });
  });

  it('ends a program that runs but is never healthy', async () => {
    await harness.config('sick', { BEHAVIOUR: 'unhealthy' });
    const deployment = resolveDeployment(harness.ctx, getConfig(harness.ctx, 'sick'));
    const variants = deployment.variants.map((variant) => ({ ...variant, startupTimeoutMs: 500 }));
    const fleet = new Fleet(harness.ctx, 'sick', { ...deployment, variants });
    await expect(fleet.start()).rejects.toThrow(/did not pass the ping health check.* within 500 ms/);
    expect(fleet.processes.every((process) => process.url === undefined)).toBe(true);
  });

  it('can be stopped while it waits for health', async () => {
    await harness.config('sick-2', { BEHAVIOUR: 'unhealthy' });
    const fleet = new Fleet(harness.ctx, 'sick-2', resolveDeployment(harness.ctx, getConfig(harness.ctx, 'sick-2')));
    const started = expect(fleet.start()).rejects.toThrow();
    await vi.waitFor(() => expect(fleet.processes).toHaveLength(1));
    await fleet.stop();
    await started;
  });
});

describe('the KMS key of an endpoint configuration', () => {
  const kms = new KMSClient({
    endpoint: inject('aws').endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const keyed = async (name: string, key: string): Promise<string> => {
    const variant = {
      VariantName: 'v',
      ModelName: 'good',
      InstanceType: 'ml.m5.large',
      InitialInstanceCount: 1,
    } as const;
    await harness.control.send(
      new CreateEndpointConfigCommand({ EndpointConfigName: name, KmsKeyId: key, ProductionVariants: [variant] }),
    );
    return name;
  };
  const newKey = async (): Promise<string> => String((await kms.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId);
  afterAll(() => kms.destroy());

  it('is used when it is enabled', async () => {
    const config = await keyed('with-key', await newKey());
    expect((await harness.endpoint('with-key', config)).EndpointStatus).toBe('InService');
  });

  it('fails a creation when it is missing, and an update when it is disabled or going', async () => {
    const missing = await keyed('missing-key', '11111111-2222-3333-4444-555555555555');
    expect(await harness.endpoint('missing-key', missing)).toMatchObject({
      EndpointStatus: 'Failed',
      FailureReason: expect.stringContaining('NotFoundException') as string,
    });

    const [disabled, going] = [await newKey(), await newKey()];
    await kms.send(new DisableKeyCommand({ KeyId: disabled }));
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: going, PendingWindowInDays: 7 }));
    await harness.endpoint('keyed', 'good');
    for (const [key, reason] of [
      [disabled, 'is disabled'],
      [going, 'is pending deletion'],
    ] as const) {
      await update('keyed', await keyed(`config-${key}`, key));
      expect(await harness.settled('keyed')).toMatchObject({
        EndpointStatus: 'InService',
        EndpointConfigName: 'good',
        FailureReason: expect.stringContaining(reason) as string,
      });
    }
  });
});

describe('control rules', () => {
  it('complete: in service at once, without a process, and with a fixed answer', async () => {
    await harness.rule({ id: 'at-once', kind: 'endpoint', match: '^canned$', action: 'complete' });
    const created = await harness.endpoint('canned', 'good');
    expect(created.EndpointStatus).toBe('InService');
    const answer = await harness.invoke('canned', '1,2\n3,4\n');
    expect(answer).toMatchObject({ predictions: [{ score: 0 }, { score: 0 }], variant: 'AllTraffic' });
    await update('canned', 'better');
    expect(await harness.describe('canned')).toMatchObject({
      EndpointStatus: 'InService',
      EndpointConfigName: 'better',
    });
    await fetch(`${harness.url}/_local/rules`, { method: 'DELETE' });
    await update('canned', 'good');
    await harness.settled('canned');
    expect((await harness.invoke('canned')).id).toBe('good');
  });

  it('fail: a creation ends as Failed, an update on the old config, with the reason', async () => {
    await harness.rule({ kind: 'endpoint', match: '^told$', action: 'fail', reason: 'as told', times: 1 });
    expect(await harness.endpoint('told', 'good')).toMatchObject({
      EndpointStatus: 'Failed',
      FailureReason: 'as told',
    });
    await harness.endpoint('told-2', 'good');
    await harness.rule({ kind: 'endpoint', match: '^told-2$', action: 'fail', reason: 'as told', times: 1 });
    await update('told-2', 'better');
    expect(await harness.settled('told-2')).toMatchObject({
      EndpointStatus: 'InService',
      EndpointConfigName: 'good',
      FailureReason: 'as told',
    });
    expect((await harness.invoke('told-2')).id).toBe('good');
  });
});

describe('events', () => {
  it('are sent for every change, as EventBridge has them', async () => {
    await harness.endpoint('watched', 'good');
    await update('watched', 'better');
    await harness.settled('watched');
    await harness.rule({ kind: 'endpoint', match: '^watched$', action: 'fail', times: 1 });
    await update('watched', 'good');
    await harness.settled('watched');
    await harness.control.send(new DeleteEndpointCommand({ EndpointName: 'watched' }));
    const life = ['CREATING', 'IN_SERVICE', 'UPDATING', 'IN_SERVICE', 'UPDATING', 'ROLLING_BACK', 'IN_SERVICE'];
    await vi.waitFor(() => expect(statuses('watched')).toEqual([...life, 'DELETING', 'DELETED']), { timeout: 5_000 });
    const inService = bus.events.find(
      (event) => event.detail['EndpointName'] === 'watched' && event.detail['EndpointStatus'] === 'IN_SERVICE',
    );
    expect(inService).toMatchObject({
      resources: ['arn:aws:sagemaker:us-east-1:000000000000:endpoint/watched'],
      detail: {
        EndpointConfigName: 'good',
        ProductionVariants: [{ VariantName: 'AllTraffic', CurrentInstanceCount: 1 }],
        CreationTime: expect.stringMatching(/^\d{13}$/) as string,
        Tags: {},
      },
    });
    const types = new Set(bus.events.map((event) => event.type));
    expect(types).toContain('SageMaker Model State Change');
    expect(types).toContain('SageMaker Endpoint Config State Change');
  });
});
