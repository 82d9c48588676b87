import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import {
  CreateTrainingJobCommand,
  DeleteEndpointCommand,
  DescribeTrainingJobCommand,
  type CreateTrainingJobCommandInput,
} from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Engine } from '../../engine/engine.js';
import { packagePath } from '../../local/paths.js';
import { engineName, leftOf, withoutBridges } from './fixtures/engine.js';
import { ServerInside } from './fixtures/inside.js';
import { archive, probeImage, trainingRequest, until } from './fixtures/sagemaker.js';
import { Harness } from './fixtures-serve/harness.js';

const REACH = ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_SAGEMAKER'];

describe.skipIf(withoutBridges)(`a server in a container${withoutBridges ? `: ${withoutBridges}` : ''}`, () => {
  const harness = new Harness(inject('aws').endpoint);
  const { bucket, s3 } = harness;
  const images = { probe: probeImage, echo: packagePath('test/local/fixtures-serve/echo') };
  const server = new ServerInside(new Engine(engineName), images, inject('aws').endpoint);
  const left = async () => leftOf(await server.mountpoint());
  beforeAll(async () => {
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'data/a.csv', Body: '1,2\n' }));
    await server.start();
    harness.attach(await server.url());
  });
  afterAll(async () => {
    await harness.close();
    await server.close();
  });

  /** Trains; answers with what the program printed of the names that it was to reach, and what it saw. */
  async function train(name: string, more: Partial<CreateTrainingJobCommandInput> = {}) {
    const S3DataSource = { S3DataType: 'S3Prefix' as const, S3Uri: `s3://${bucket}/data/` };
    const request = trainingRequest(
      { bucket },
      name,
      { reach: REACH.join('|') },
      { InputDataConfig: [{ ChannelName: 'train', DataSource: { S3DataSource } }], ...more },
    );
    await harness.control.send(new CreateTrainingJobCommand(request));
    const ended = await until(async () => {
      const job = await harness.control.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
      return job.TrainingJobStatus === 'InProgress' ? undefined : job;
    }, name);
    expect(ended.FailureReason).toBeUndefined();
    const object = (key: string) => s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const model = await archive({ object }, `models/${name}/output/model.tar.gz`);
    return JSON.parse(model['seen.json'] ?? '') as { files: string[]; reached: string[] };
  }

  it('trains on volumes that the engine finds, with the services of its network in reach', async () => {
    expect(await train('one')).toMatchObject({ files: ['train', 'train/a.csv'], reached: REACH });
  });

  it('has hosts of a job reach them too', async () => {
    const ResourceConfig = { InstanceType: 'ml.m5.large' as const, InstanceCount: 2, VolumeSizeInGB: 5 };
    expect(await train('two', { ResourceConfig })).toMatchObject({ reached: REACH });
    expect(await left()).toEqual([]);
  });

  it('keeps a program with network isolation from all of it', async () => {
    expect(await train('alone', { EnableNetworkIsolation: true })).toMatchObject({ reached: [] });
  });

  it('serves by the addresses of its network, and isolated models by a network that it joins', async () => {
    await harness.config('open');
    expect((await harness.endpoint('open', 'open')).FailureReason).toBeUndefined();
    expect(await harness.invoke('open')).toMatchObject({ id: 'open', port: 8080 });
    await harness.model('isolated', {}, { EnableNetworkIsolation: true });
    await harness.config('closed', {}, { ModelName: 'isolated' });
    expect((await harness.endpoint('closed', 'closed')).FailureReason).toBeUndefined();
    expect(await harness.invoke('closed')).toMatchObject({ id: 'isolated', port: 8080 });
  });

  it('takes up after it was killed what it served, in new networks', async () => {
    const before = await left();
    expect(before).toHaveLength(3);
    await server.dieAndStart();
    harness.attach(await server.url());
    await until(() => harness.invoke('closed').catch(() => undefined), 'the isolated endpoint');
    await until(() => harness.invoke('open').catch(() => undefined), 'the other endpoint');
    const after = await left();
    expect(after).toHaveLength(3);
    expect(after.filter((name) => before.includes(name))).toEqual([]);
  });

  it('leaves nothing of an endpoint that is deleted, nor of others when it is stopped', async () => {
    await harness.control.send(new DeleteEndpointCommand({ EndpointName: 'closed' }));
    await until(async () => ((await left()).length === 1 ? true : undefined), 'the end of one');
    await server.stop();
    expect(await left()).toEqual([]);
  });
});
