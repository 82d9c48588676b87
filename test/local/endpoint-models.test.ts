import {
  CreateModelCommand,
  DeleteModelCommand,
  DescribeModelCommand,
  ListModelsCommand,
  ListTagsCommand,
} from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Harness, IMAGE, ROLE } from './fixtures-serve/harness.js';

const harness = new Harness(inject('aws').endpoint);
const arn = (resource: string) => `arn:aws:sagemaker:us-east-1:000000000000:${resource}`;
const refusal = (message: string | RegExp) => ({
  name: 'ValidationException',
  message: typeof message === 'string' ? message : (expect.stringMatching(message) as string),
});

beforeAll(async () => {
  await harness.start();
  await harness.model('m');
});
afterAll(() => harness.close());

describe('models', () => {
  const create = (name: string, container: object, extra = {}) =>
    harness.control.send(
      new CreateModelCommand({
        ModelName: name,
        ExecutionRoleArn: ROLE,
        PrimaryContainer: { Image: IMAGE, ...container },
        ...extra,
      }),
    );

  it('are described, listed in pages, tagged and deleted', async () => {
    const vpc = { SecurityGroupIds: ['sg-1'], Subnets: ['subnet-1'] };
    const answer = await create(
      'full',
      {},
      { VpcConfig: vpc, EnableNetworkIsolation: true, Tags: [{ Key: 'run', Value: '1' }] },
    );
    expect(answer.ModelArn).toBe(arn('model/full'));
    expect(await harness.control.send(new DescribeModelCommand({ ModelName: 'full' }))).toMatchObject({
      ModelName: 'full',
      PrimaryContainer: { Image: IMAGE, Mode: 'SingleModel' },
      ExecutionRoleArn: ROLE,
      VpcConfig: vpc,
      EnableNetworkIsolation: true,
      CreationTime: expect.any(Date) as Date,
    });
    const tags = await harness.control.send(new ListTagsCommand({ ResourceArn: arn('model/full') }));
    expect(tags.Tags).toEqual([{ Key: 'run', Value: '1' }]);
    const first = await harness.control.send(
      new ListModelsCommand({ MaxResults: 1, SortBy: 'Name', SortOrder: 'Ascending' }),
    );
    expect(first.Models?.map((model) => model.ModelName)).toEqual(['full']);
    const second = await harness.control.send(
      new ListModelsCommand({ MaxResults: 1, SortBy: 'Name', SortOrder: 'Ascending', NextToken: first.NextToken }),
    );
    expect(second.Models?.map((model) => model.ModelName)).toEqual(['m']);
    await harness.control.send(new DeleteModelCommand({ ModelName: 'full' }));
    await expect(harness.control.send(new DescribeModelCommand({ ModelName: 'full' }))).rejects.toMatchObject(
      refusal(`Could not find model "${arn('model/full')}".`),
    );
  });

  it.each<[string, () => Promise<unknown>, string | RegExp]>([
    ['a second one of the name', () => create('m', {}), `Cannot create already existing model "${arn('model/m')}".`],
    ['an unknown image', () => create('x', { Image: 'nowhere/x:1' }), /^Requested image nowhere\/x:1 not found\./],
    [
      'model data that is not there',
      () => create('x', { ModelDataUrl: `s3://${harness.bucket}/none.tar.gz` }),
      /^Could not find model data at s3:\/\/models-.*\/none\.tar\.gz\.$/,
    ],
    [
      'a bad name and a bad role',
      () => create('-x', {}, { ExecutionRoleArn: 'arn:aws:iam::1:user/someone' }),
      /^2 validation errors detected: Value '-x' at 'modelName' failed to satisfy constraint: .*; Value '.*' at 'executionRoleArn' failed/,
    ],
    [
      'several models in one container',
      () => create('x', { Mode: 'MultiModel' }),
      /not available in local mode yet\.$/,
    ],
  ])('refuses %s', async (_, attempt, message) => {
    await expect(attempt()).rejects.toMatchObject(refusal(message));
  });
});
