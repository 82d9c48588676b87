import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CreateTrainingJobCommand,
  DeleteTrainingJobCommand,
  StopTrainingJobCommand,
  waitUntilTrainingJobCompletedOrStopped,
} from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archive, startFixture, trainingRequest, type Fixture } from './fixtures/sagemaker.js';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const channel = (name: string, uri: string, type: 'S3Prefix' | 'ManifestFile' = 'S3Prefix', sharded = false) => ({
  ChannelName: name,
  ContentType: 'text/csv',
  DataSource: {
    S3DataSource: {
      S3DataType: type,
      S3Uri: uri,
      S3DataDistributionType: sharded ? ('ShardedByS3Key' as const) : ('FullyReplicated' as const),
    },
  },
});

describe('a training job that goes well', () => {
  it('runs the program by the container contract and ends with an artefact', async () => {
    await fixture.put('data/train/a.csv', '1,2');
    await fixture.put('data/train/sub/b.csv', '3,4');
    await fixture.put('other/c.csv', '5,6');
    await fixture.put('manifest.json', JSON.stringify([{ prefix: `s3://${fixture.bucket}/other/` }, 'c.csv']));
    const key = await fixture.key();
    const request = trainingRequest(
      fixture,
      'well',
      { print: 'loss=3;|loss=1.5;', output: 'report' },
      {
        InputDataConfig: [
          channel('train', `s3://${fixture.bucket}/data/train/`),
          channel('test', `s3://${fixture.bucket}/manifest.json`, 'ManifestFile'),
        ],
        OutputDataConfig: { S3OutputPath: `s3://${fixture.bucket}/models/`, KmsKeyId: key },
        Environment: { COLOUR: 'blue' },
        AlgorithmSpecification: {
          TrainingImage: 'probe',
          TrainingInputMode: 'File',
          MetricDefinitions: [{ Name: 'loss', Regex: 'loss=([0-9.]+);' }],
        },
      },
    );
    const { TrainingJobArn } = await fixture.client.send(new CreateTrainingJobCommand(request));
    expect(TrainingJobArn).toBe('arn:aws:sagemaker:us-east-1:000000000000:training-job/well');
    await waitUntilTrainingJobCompletedOrStopped(
      { client: fixture.client, minDelay: 0.05, maxDelay: 0.1, maxWaitTime: 20 },
      { TrainingJobName: 'well' },
    );

    const job = await fixture.job('well');
    expect(job).toMatchObject({
      TrainingJobStatus: 'Completed',
      SecondaryStatus: 'Completed',
      ModelArtifacts: { S3ModelArtifacts: `s3://${fixture.bucket}/models/well/output/model.tar.gz` },
      FinalMetricDataList: [{ MetricName: 'loss', Value: 1.5 }],
      ResourceConfig: { InstanceType: 'ml.m5.large' },
    });
    expect(job.SecondaryStatusTransitions?.map((transition) => transition.Status)).toEqual([
      'Starting',
      'Downloading',
      'Training',
      'Uploading',
      'Completed',
    ]);
    for (const transition of job.SecondaryStatusTransitions ?? []) {
      expect(transition.StatusMessage).toBeTruthy();
      expect(transition.EndTime).toBeInstanceOf(Date);
    }
    expect(job.BillableTimeInSeconds).toBeGreaterThan(0);
    expect(job.TrainingEndTime?.getTime()).toBeGreaterThanOrEqual(job.TrainingStartTime?.getTime() ?? Infinity);

    const seen = JSON.parse((await archive(fixture, 'models/well/output/model.tar.gz'))['seen.json'] ?? '') as {
      files: string[];
      environment: Record<string, string>;
      resources: unknown;
      channels: unknown;
    };
    expect(seen.files.filter((file) => file.endsWith('.csv'))).toEqual([
      'test/c.csv',
      'train/a.csv',
      'train/sub/b.csv',
    ]);
    expect(seen.environment).toMatchObject({
      TRAINING_JOB_NAME: 'well',
      TRAINING_JOB_ARN: TrainingJobArn,
      COLOUR: 'blue',
    });
    expect(seen.resources).toMatchObject({ current_host: 'algo-1', hosts: ['algo-1'] });
    expect(seen.channels).toMatchObject({ train: { ContentType: 'text/csv', TrainingInputMode: 'File' } });
    expect(await archive(fixture, 'models/well/output/output.tar.gz')).toEqual({ 'report.txt': 'report' });

    const model = await fixture.object('models/well/output/model.tar.gz');
    expect(model).toMatchObject({ ServerSideEncryption: 'aws:kms' });
    expect(model.SSEKMSKeyId).toContain(key);
    expect(existsSync(join(fixture.stateDir, 'training', 'well'))).toBe(false);
    expect(existsSync('/opt/ml')).toBe(false);
  });

  it('shards a channel over its hosts and gathers their models', async () => {
    for (const name of ['a', 'b', 'c']) await fixture.put(`shards/${name}`, name);
    const request = trainingRequest(
      fixture,
      'sharded',
      {},
      {
        InputDataConfig: [channel('train', `s3://${fixture.bucket}/shards`, 'S3Prefix', true)],
        ResourceConfig: { InstanceType: 'ml.m5.large', InstanceCount: 2, VolumeSizeInGB: 5 },
      },
    );
    await fixture.client.send(new CreateTrainingJobCommand(request));
    expect(await fixture.job('sharded')).toMatchObject({ TrainingJobStatus: 'Completed' });
    const seen = JSON.parse((await archive(fixture, 'models/sharded/output/model.tar.gz'))['seen.json'] ?? '') as {
      files: string[];
      resources: unknown;
    };
    expect(seen.files).toEqual(['train', 'train/a', 'train/c']);
    expect(seen.resources).toMatchObject({ current_host: 'algo-1', hosts: ['algo-1', 'algo-2'] });
  });

  it('syncs checkpoints to S3 and brings them back', async () => {
    const CheckpointConfig = { S3Uri: `s3://${fixture.bucket}/checkpoints` };
    for (const [name, checkpoint] of [
      ['first', 'state'],
      ['second', ''],
    ] as const) {
      const request = trainingRequest(fixture, `checkpoint-${name}`, { checkpoint }, { CheckpointConfig });
      await fixture.client.send(new CreateTrainingJobCommand(request));
      await fixture.job(`checkpoint-${name}`);
    }
    expect(await fixture.text('checkpoints/epoch-1')).toBe('state');
    const { 'seen.json': seen } = await archive(fixture, 'models/checkpoint-second/output/model.tar.gz');
    expect(JSON.parse(seen ?? '')).toMatchObject({ checkpoints: ['epoch-1'] });
  });
});

describe('a training job that is stopped', () => {
  it('gets SIGTERM, uploads what it wrote and is Stopped', async () => {
    await fixture.client.send(new CreateTrainingJobCommand(trainingRequest(fixture, 'halted', { sleepMs: '60000' })));
    await fixture.job('halted', (job) => job.SecondaryStatus === 'Training');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await fixture.client.send(new StopTrainingJobCommand({ TrainingJobName: 'halted' }));
    expect((await fixture.job('halted', () => true)).TrainingJobStatus).toMatch(/^Stop/);
    const job = await fixture.job('halted');
    expect(job).toMatchObject({ TrainingJobStatus: 'Stopped', SecondaryStatus: 'Stopped' });
    expect(job.SecondaryStatusTransitions?.map(({ Status }) => Status)).toContain('Stopping');
    expect(await archive(fixture, 'models/halted/output/model.tar.gz')).toEqual({ 'stopped.txt': 'stopped' });
    await expect(fixture.client.send(new StopTrainingJobCommand({ TrainingJobName: 'halted' }))).rejects.toMatchObject({
      name: 'ValidationException',
      message: 'The request was rejected because the training job is in status Stopped.',
    });
  });

  it('is Stopped with MaxRuntimeExceeded when its time is over', async () => {
    const request = trainingRequest(
      fixture,
      'slow',
      { sleepMs: '60000' },
      { StoppingCondition: { MaxRuntimeInSeconds: 3 } },
    );
    await fixture.client.send(new CreateTrainingJobCommand(request));
    const job = await fixture.job('slow');
    const stages = ['Starting', 'Downloading', 'Training', 'Stopping', 'MaxRuntimeExceeded'];
    expect(job.SecondaryStatusTransitions?.map(({ Status }) => Status)).toEqual(stages);
    expect(job).toMatchObject({
      TrainingJobStatus: 'Stopped',
      SecondaryStatus: 'MaxRuntimeExceeded',
      ModelArtifacts: { S3ModelArtifacts: expect.stringContaining('slow/output/model.tar.gz') as string },
    });
  });
});

describe('a restart of the server', () => {
  it('keeps ended jobs and starts running ones again, leaving no program behind', async () => {
    const pids = async () => (await readdir(join(fixture.stateDir, 'processes'))).map(Number);
    await fixture.client.send(new CreateTrainingJobCommand(trainingRequest(fixture, 'before', {})));
    await fixture.job('before');
    await fixture.client.send(new CreateTrainingJobCommand(trainingRequest(fixture, 'during', { sleepMs: '2000' })));
    await fixture.job('during', (job) => job.SecondaryStatus === 'Training');
    await fixture.restart(async () => {
      expect(await pids()).toEqual([]);
    });
    expect(await fixture.job('before')).toMatchObject({ TrainingJobStatus: 'Completed' });
    const job = await fixture.job('during');
    expect(job).toMatchObject({ TrainingJobStatus: 'Completed' });
    expect(job.SecondaryStatusTransitions?.map(({ StatusMessage }) => StatusMessage).join()).toContain('was restarted');
  });
});

describe('DeleteTrainingJob', () => {
  it('frees the name of an ended job and refuses a running one', async () => {
    const request = trainingRequest(fixture, 'deleted', { sleepMs: '60000' });
    const remove = () => fixture.client.send(new DeleteTrainingJobCommand({ TrainingJobName: 'deleted' }));
    await expect(remove()).rejects.toMatchObject({ name: 'ResourceNotFound' });
    await fixture.client.send(new CreateTrainingJobCommand(request));
    await expect(fixture.client.send(new CreateTrainingJobCommand(request))).rejects.toMatchObject({
      name: 'ResourceInUse',
      message: expect.stringMatching(/^Training job names must be unique within an AWS account and region/) as string,
    });
    await expect(remove()).rejects.toMatchObject({ name: 'ResourceInUse' });
    await fixture.client.send(new StopTrainingJobCommand({ TrainingJobName: 'deleted' }));
    await fixture.job('deleted');
    await remove();
    await fixture.client.send(new CreateTrainingJobCommand(trainingRequest(fixture, 'deleted')));
    expect(await fixture.job('deleted')).toMatchObject({ TrainingJobStatus: 'Completed' });
  });
});
