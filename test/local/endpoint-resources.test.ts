import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  DeleteEndpointCommand,
  DeleteEndpointConfigCommand,
  DeleteModelCommand,
  DescribeEndpointConfigCommand,
  ListEndpointConfigsCommand,
  ListEndpointsCommand,
  UpdateEndpointCommand,
  type CreateEndpointConfigCommandInput,
  type ProductionVariant,
} from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Harness, IMAGE } from './fixtures-serve/harness.js';

const harness = new Harness(inject('aws').endpoint);
const arn = (resource: string) => `arn:aws:sagemaker:us-east-1:000000000000:${resource}`;
const refusal = (message: string | RegExp) => ({
  name: 'ValidationException',
  message: typeof message === 'string' ? message : (expect.stringMatching(message) as string),
});
const variant: ProductionVariant = {
  VariantName: 'AllTraffic',
  ModelName: 'm',
  InstanceType: 'ml.m5.large',
  InitialInstanceCount: 1,
};
const config = (name: string, extra: Partial<CreateEndpointConfigCommandInput> = {}) =>
  harness.control.send(
    new CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants: [variant], ...extra }),
  );

beforeAll(async () => {
  await harness.start();
  await harness.model('m');
});
afterAll(() => harness.close());

describe('endpoint configurations', () => {
  it('are described without what is unset, listed and deleted', async () => {
    await config('plain', { Tags: [{ Key: 'run', Value: '2' }] });
    const { $metadata: _, ...described } = await harness.control.send(
      new DescribeEndpointConfigCommand({ EndpointConfigName: 'plain' }),
    );
    expect(described).toEqual({
      EndpointConfigName: 'plain',
      EndpointConfigArn: arn('endpoint-config/plain'),
      CreationTime: expect.any(Date) as Date,
      ProductionVariants: [{ ...variant, InitialVariantWeight: 1 }],
    });
    const listed = await harness.control.send(new ListEndpointConfigsCommand({ NameContains: 'plai' }));
    expect(listed.EndpointConfigs?.map((each) => each.EndpointConfigName)).toEqual(['plain']);
    await harness.control.send(new DeleteEndpointConfigCommand({ EndpointConfigName: 'plain' }));
    const missing = refusal(`Could not find endpoint configuration "${arn('endpoint-config/plain')}".`);
    for (const command of [
      new DescribeEndpointConfigCommand({ EndpointConfigName: 'plain' }),
      new DeleteEndpointConfigCommand({ EndpointConfigName: 'plain' }),
      new CreateEndpointCommand({ EndpointName: 'e', EndpointConfigName: 'plain' }),
    ]) {
      await expect(harness.control.send(command as DescribeEndpointConfigCommand)).rejects.toMatchObject(missing);
    }
  });

  it.each<[string, object, string | RegExp]>([
    [
      'a missing model',
      { ProductionVariants: [{ ...variant, ModelName: 'none' }] },
      `Could not find model "${arn('model/none')}".`,
    ],
    [
      'an unknown instance type',
      { ProductionVariants: [{ ...variant, InstanceType: 'ml.m5.huge' }] },
      /'productionVariants\.1\.member\.instanceType' .* enum value set/,
    ],
    [
      'no instances',
      { ProductionVariants: [{ ...variant, InitialInstanceCount: 0 }] },
      /initialInstanceCount' .* greater than or equal to 1$/,
    ],
    [
      'a negative weight',
      { ProductionVariants: [{ ...variant, InitialVariantWeight: -1 }] },
      /initialVariantWeight' .* greater than or equal to 0$/,
    ],
    ['no variants', { ProductionVariants: [] }, /'productionVariants' .* length greater than or equal to 1$/],
    ['two variants of one name', { ProductionVariants: [variant, variant] }, /^Duplicate variant name "AllTraffic"/],
    [
      'a short start-up allowance',
      { ProductionVariants: [{ ...variant, ContainerStartupHealthCheckTimeoutInSeconds: 5 }] },
      /greater than or equal to 60$/,
    ],
    [
      'a key for instances with local storage',
      { KmsKeyId: 'k', ProductionVariants: [{ ...variant, InstanceType: 'ml.g5.xlarge' }] },
      /^Instance type ml\.g5\.xlarge .* has local storage/,
    ],
    [
      'a serverless variant',
      {
        ProductionVariants: [
          { VariantName: 'v', ModelName: 'm', ServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: 1 } },
        ],
      },
      /not available in local mode yet\.$/,
    ],
  ])('refuses %s', async (_, extra, message) => {
    await expect(config('refused', extra)).rejects.toMatchObject(refusal(message));
  });
});

describe('endpoints', () => {
  it('are described as the API has them, listed by status, and unique', async () => {
    await config('live');
    await config('spare');
    expect(await harness.endpoint('e1', 'live')).toMatchObject({
      EndpointArn: arn('endpoint/e1'),
      EndpointStatus: 'InService',
      EndpointConfigName: 'live',
      ProductionVariants: [
        {
          VariantName: 'AllTraffic',
          CurrentWeight: 1,
          DesiredWeight: 1,
          CurrentInstanceCount: 1,
          DesiredInstanceCount: 1,
          DeployedImages: [{ SpecifiedImage: IMAGE }],
        },
      ],
    });
    await expect(
      harness.control.send(new CreateEndpointCommand({ EndpointName: 'e1', EndpointConfigName: 'live' })),
    ).rejects.toMatchObject(refusal(`Cannot create already existing endpoint "${arn('endpoint/e1')}".`));
    const listed = await harness.control.send(new ListEndpointsCommand({ StatusEquals: 'InService' }));
    expect(listed.Endpoints).toMatchObject([{ EndpointName: 'e1', EndpointStatus: 'InService' }]);
  });

  it('refuse to be changed while they are being changed', async () => {
    const busy = refusal(`Cannot update in-progress endpoint "${arn('endpoint/e1')}".`);
    await harness.rule({ id: 'held', kind: 'endpoint', action: 'slow', delayMs: 600_000, times: 1 });
    const update = new UpdateEndpointCommand({ EndpointName: 'e1', EndpointConfigName: 'spare' });
    await harness.control.send(update);
    await expect(harness.control.send(update)).rejects.toMatchObject(busy);
    await expect(harness.control.send(new DeleteEndpointCommand({ EndpointName: 'e1' }))).rejects.toMatchObject(busy);
    await harness.endDelays('held');
    expect((await harness.settled('e1')).EndpointConfigName).toBe('spare');
  });

  it('go on when their model and config are deleted', async () => {
    await harness.control.send(new DeleteEndpointConfigCommand({ EndpointConfigName: 'spare' }));
    await harness.control.send(new DeleteModelCommand({ ModelName: 'm' }));
    await harness.shutDown();
    await harness.boot();
    expect((await harness.invoke('e1')).id).toBe('m');
  });
});
