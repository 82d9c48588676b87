import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CreateTrainingJobCommandInput } from '@aws-sdk/client-sagemaker';
import { startFixture, trainingRequest, type Fixture } from './fixtures/sagemaker.js';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

type Faults = Record<string, unknown>;
const resources = { InstanceType: 'ml.m5.large', InstanceCount: 1, VolumeSizeInGB: 5 };
const channel = (more: Faults = {}, s3: Faults = {}) => ({
  ChannelName: 'train',
  DataSource: { S3DataSource: { S3DataType: 'S3Prefix', S3Uri: 's3://empty-bucket/x', ...s3 } },
  ...more,
});
const algorithm = (more: Faults) => ({ TrainingImage: 'probe', TrainingInputMode: 'File', ...more });

const cases: [string, Faults, string][] = [
  [
    'a name with an underscore',
    { TrainingJobName: 'a_b' },
    "1 validation error detected: Value 'a_b' at 'trainingJobName' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
  ],
  ['a name that is too long', { TrainingJobName: 'a'.repeat(64) }, 'Member must have length less than or equal to 63'],
  ['no role', { RoleArn: undefined }, "Value null at 'roleArn' failed to satisfy constraint: Member must not be null"],
  ['a role that is no ARN', { RoleArn: 'sagemaker-execution-role' }, "at 'roleArn' failed to satisfy constraint"],
  ['no output', { OutputDataConfig: undefined }, "Value null at 'outputDataConfig'"],
  [
    'an output that is no URI',
    { OutputDataConfig: { S3OutputPath: 'bucket/x' } },
    "at 'outputDataConfig.s3OutputPath'",
  ],
  ['an output over https', { OutputDataConfig: { S3OutputPath: 'https://host/x' } }, 'write s3://bucket/key'],
  ['an input over https', { InputDataConfig: [channel({}, { S3Uri: 'https://host/x' })] }, 'write s3://bucket/key'],
  [
    'an instance type that does not exist',
    { ResourceConfig: { ...resources, InstanceType: 'ml.m5.huge' } },
    "Value 'ml.m5.huge' at 'resourceConfig.instanceType' failed to satisfy constraint: Member must satisfy enum value set",
  ],
  [
    'an instance type of EC2',
    { ResourceConfig: { ...resources, InstanceType: 'm5.large' } },
    "Value 'm5.large' at 'resourceConfig.instanceType'",
  ],
  [
    'no instance',
    { ResourceConfig: { ...resources, InstanceCount: 0 } },
    "Value '0' at 'resourceConfig.instanceCount'",
  ],
  [
    'a key on NVMe storage',
    { ResourceConfig: { ...resources, InstanceType: 'ml.g5.xlarge', VolumeKmsKeyId: 'k' } },
    'VolumeKmsKeyId is not supported for the instance type ml.g5.xlarge',
  ],
  ['over 28 days', { StoppingCondition: { MaxRuntimeInSeconds: 2_419_201 } }, 'less than or equal to 2419200'],
  [
    '101 hyperparameters',
    { HyperParameters: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`h${i}`, '1'])) },
    "at 'hyperParameters' failed to satisfy constraint: Member must have length less than or equal to 100",
  ],
  ['a long hyperparameter', { HyperParameters: { h: 'x'.repeat(2501) } }, 'less than or equal to 2500'],
  ['a hyperparameter that is a number', { HyperParameters: { epochs: 3 } }, 'can not be converted to String'],
  ['no channel in the list', { InputDataConfig: [] }, 'Member must have length greater than or equal to 1'],
  [
    'two channels of a name',
    { InputDataConfig: [channel(), channel()] },
    'Duplicate channel name "train" in InputDataConfig',
  ],
  [
    'an empty prefix',
    { InputDataConfig: [channel()] },
    'No S3 objects found under S3 URL "s3://empty-bucket/x" given in input data source',
  ],
  ['Pipe mode', { InputDataConfig: [channel({ InputMode: 'Pipe' })] }, 'has no Pipe mode'],
  ['an unknown data type', { InputDataConfig: [channel({}, { S3DataType: 'Zip' })] }, 'enum value set: [ManifestFile'],
  [
    'no image',
    { AlgorithmSpecification: algorithm({ TrainingImage: undefined }) },
    'either AlgorithmName or TrainingImage',
  ],
  [
    'a broken metric expression',
    { AlgorithmSpecification: algorithm({ MetricDefinitions: [{ Name: 'm', Regex: '(' }] }) },
    'the regular expression of "m" is invalid',
  ],
  [
    'metrics for a built-in algorithm',
    {
      AlgorithmSpecification: algorithm({
        TrainingImage: '382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1',
        MetricDefinitions: [{ Name: 'm', Regex: 'm=(.*)' }],
      }),
    },
    "You can't override the metric definitions for Amazon SageMaker algorithms",
  ],
  ['spot without a wait', { EnableManagedSpotTraining: true }, 'Invalid MaxWaitTimeInSeconds'],
  ['a tag without a key', { Tags: [{ Value: 'v' }] }, "Value null at 'tags.1.member.key'"],
  [
    '51 tags',
    { Tags: Array.from({ length: 51 }, (_, i) => ({ Key: `k${i}`, Value: 'v' })) },
    "at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50",
  ],
];

it.each(cases)('CreateTrainingJob refuses %s', async (_, faults, text) => {
  const request = { ...trainingRequest(fixture, 'refused'), ...faults } as CreateTrainingJobCommandInput;
  const answer = await fixture.call('CreateTrainingJob', request);
  expect(answer['status']).toBe(400);
  expect(answer['__type']).toMatch(/^(Validation|Serialization)Exception$/);
  expect(answer['message']).toContain(text);
  expect(fixture.server.ctx.store.list('training-job')).toEqual([]);
});

it('names all faults of a request at once', async () => {
  const answer = await fixture.call('CreateTrainingJob', {});
  expect(answer['message']).toMatch(/^\d validation errors detected: Value null at 'trainingJobName'.*; Value null at/);
});

it.each(['DescribeTrainingJob', 'StopTrainingJob'])('%s does not find a job that is not there', async (operation) => {
  expect(await fixture.call(operation, { TrainingJobName: 'nobody' })).toEqual({
    status: 400,
    __type: 'ValidationException',
    message: 'Requested resource not found.',
  });
});
