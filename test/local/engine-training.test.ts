import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CloudWatchLogsClient, DescribeLogStreamsCommand, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateTrainingJobCommand, StopTrainingJobCommand } from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packagePath } from '../../local/paths.js';
import { engineName, inContainers, leftOf, withoutEngine } from './fixtures/engine.js';
import { archive, startFixture, trainingRequest, until, type Fixture } from './fixtures/sagemaker.js';

const allReduce = packagePath('bench/support/engine/all-reduce-image');

describe.skipIf(withoutEngine)(`training in containers${withoutEngine ? `: ${withoutEngine}` : ''}`, () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture({ 'all-reduce': allReduce }, inContainers);
    await fixture.put('data/a.csv', '1,2\n');
  });
  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
    expect(await leftOf(fixture.stateDir)).toEqual([]);
  });

  const channel = (prefix: string, type: 'FullyReplicated' | 'ShardedByS3Key' = 'FullyReplicated') => ({
    ChannelName: 'train',
    DataSource: {
      S3DataSource: {
        S3DataType: 'S3Prefix' as const,
        S3Uri: `s3://${fixture.bucket}/${prefix}`,
        S3DataDistributionType: type,
      },
    },
  });
  const create = (...args: Parameters<typeof trainingRequest> extends [unknown, ...infer Rest] ? Rest : never) =>
    fixture.client.send(new CreateTrainingJobCommand(trainingRequest(fixture, ...args)));

  it('runs the program by the container contract, on its volume, with no credentials that lead nowhere', async () => {
    await create(
      'well',
      { print: 'loss=3;|loss=1.5;' },
      {
        InputDataConfig: [channel('data/')],
        Environment: { PATH: '/opt/program:/usr/bin:/bin', SECRET: 'of two\nlines' },
        AlgorithmSpecification: {
          TrainingImage: 'probe:1',
          TrainingInputMode: 'File',
          MetricDefinitions: [{ Name: 'loss', Regex: 'loss=(.*?);' }],
        },
      },
    );
    const job = await fixture.job('well');
    expect(job).toMatchObject({
      TrainingJobStatus: 'Completed',
      FinalMetricDataList: [{ MetricName: 'loss', Value: 1.5 }],
    });
    const seen = JSON.parse((await archive(fixture, 'models/well/output/model.tar.gz'))['seen.json'] ?? '') as {
      files: string[];
      environment: Record<string, string>;
      base: string;
    };
    expect(seen.base).toBe('/opt/ml');
    expect(seen.files).toEqual(['train', 'train/a.csv']);
    expect(seen.environment).toMatchObject({ TRAINING_JOB_NAME: 'well', SECRET: 'of two\nlines' });
    expect(Object.keys(seen.environment).filter((name) => /^AWS_|^DOCKER_/.test(name))).toEqual([]);
    expect(await readdir(join(fixture.stateDir, 'training'))).toEqual([]);
    expect(await leftOf(fixture.stateDir)).toEqual([]);
  });

  it('tells the exit code and the failure of a program', async () => {
    await create('bad', { failure: 'ClientError: label is not a number', exitCode: '3' });
    expect((await fixture.job('bad')).FailureReason).toBe('ClientError: label is not a number, exit code: 3');
  });

  it("answers CloudWatch Logs' API with what a program wrote to both of its streams", async () => {
    await create('talks', { print: 'epoch 1|epoch 2', complain: 'a warning' });
    await fixture.job('talks');
    const logs = new CloudWatchLogsClient({
      ...{ endpoint: fixture.server.url, region: 'us-east-1', maxAttempts: 1 },
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    const logGroupName = '/aws/sagemaker/TrainingJobs';
    try {
      const { logStreams = [] } = await logs.send(
        new DescribeLogStreamsCommand({ logGroupName, logStreamNamePrefix: 'talks/' }),
      );
      expect(logStreams.map(({ logStreamName }) => logStreamName)).toEqual([
        expect.stringMatching(/^talks\/algo-1-\d+$/),
      ]);
      const { events = [] } = await logs.send(
        new GetLogEventsCommand({ logGroupName, logStreamName: logStreams[0]?.logStreamName }),
      );
      expect(events.map(({ message }) => message).sort()).toEqual(['a warning', 'epoch 1', 'epoch 2']);
    } finally {
      logs.destroy();
    }
  });

  it('says what is missing of an image that has no train', async () => {
    const noTrain = { TrainingImage: 'nowhere-to-be-found:1', TrainingInputMode: 'File' as const };
    await create('no-image', {}, { AlgorithmSpecification: noTrain });
    expect((await fixture.job('no-image')).FailureReason).toMatch(
      /^ClientError: Cannot start algorithm container\. .* has no image "nowhere-to-be-found:1"/,
    );
  });

  it('gives a container the cores and memory of its instance type, and SIGTERM when it is stopped', async () => {
    await create(
      'stopped',
      { sleepMs: '60000' },
      {
        ResourceConfig: { InstanceType: 'ml.c7i.large', InstanceCount: 1, VolumeSizeInGB: 5 },
      },
    );
    const [name] = await until(async () => {
      const left = await leftOf(fixture.stateDir);
      return left.length > 0 ? left : undefined;
    }, 'its container');
    const limits = '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.State.Running}}';
    const inspect = () => String(execFileSync(engineName, ['inspect', '--format', limits, String(name)])).trim();
    await until(async () => (inspect().endsWith('true') ? true : undefined), 'its program');
    expect(inspect()).toBe(`${4 * 1024 ** 3} ${2e9} true`);
    await fixture.client.send(new StopTrainingJobCommand({ TrainingJobName: 'stopped' }));
    expect((await fixture.job('stopped')).TrainingJobStatus).toBe('Stopped');
    expect(await archive(fixture, 'models/stopped/output/model.tar.gz')).toEqual({ 'stopped.txt': 'stopped' });
  });

  it.each([false, true])('has hosts find each other by name, each with its share (isolated: %s)', async (isolated) => {
    for (const number of [1, 10, 100, 1000]) await fixture.put(`shards/${number}.csv`, `${number}\n${number}\n`);
    const name = `hosts-${isolated}`;
    await create(
      name,
      {},
      {
        AlgorithmSpecification: { TrainingImage: 'all-reduce:1', TrainingInputMode: 'File' },
        EnableNetworkIsolation: isolated,
        InputDataConfig: [channel('shards/', 'ShardedByS3Key')],
        ResourceConfig: { InstanceType: 'ml.m5.large', InstanceCount: 2, VolumeSizeInGB: 5 },
      },
    );
    expect(await fixture.job(name)).toMatchObject({ TrainingJobStatus: 'Completed' });
    const model = await archive(fixture, `models/${name}/output/model.tar.gz`);
    const hosts = ['algo-1', 'algo-2'].map(
      (host) => JSON.parse(model[`${host}.json`] ?? '') as { files: string[]; own: number; total: number },
    );
    expect(hosts.map(({ total }) => total)).toEqual([2222, 2222]);
    expect(hosts.map(({ files }) => files.length)).toEqual([2, 2]);
    expect(hosts[0]?.own).not.toBe(hosts[1]?.own);
    expect(await leftOf(fixture.stateDir)).toEqual([]);
    expect(existsSync(join(fixture.stateDir, 'training', name))).toBe(false);
  });
});
