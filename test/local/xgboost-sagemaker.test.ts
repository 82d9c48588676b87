import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  CreateTrainingJobCommand,
  CreateTransformJobCommand,
  DescribeEndpointCommand,
  DescribeTransformJobCommand,
  type Channel,
  type CreateTrainingJobCommandInput,
} from '@aws-sdk/client-sagemaker';
import { InvokeEndpointCommand, SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { imageUri } from '../../contracts/images.js';
import { ROLE, startFixture, trainingRequest, until, type Fixture } from './fixtures/sagemaker.js';
import { image, python, rows } from './xgboost-program.js';

const XGBOOST = imageUri('xgboost', 'eu-west-1');
const features = rows(900, 20).replace(/^[^,]*,/gm, '');

let fixture: Fixture;
let own: { predictions: number[]; rmse: number };
beforeAll(async () => {
  fixture = await startFixture({ 'sagemaker-xgboost': image, xgboost: image });
  // The channel is a manifest of two files, the first of them in a folder.
  await fixture.put('data/train/2024-01/01.csv', rows(0, 100));
  await fixture.put('data/train/2024-02-01.csv', rows(100, 100));
  await fixture.put('data/train/unlisted.csv', 'not,a,number\n');
  const manifest = [{ prefix: `s3://${fixture.bucket}/data/train/` }, '2024-01/01.csv', '2024-02-01.csv'];
  await fixture.put('train.manifest', JSON.stringify(manifest));
  await fixture.put('data/validation/v.csv', rows(500, 50));
  await fixture.put('input/rows.csv', features);
  own = await reference();
}, 600_000);
afterAll(() => fixture[Symbol.asyncDispose]());

/** The package itself, on the same rows. */
async function reference(): Promise<typeof own> {
  const dir = await mkdtemp(join(tmpdir(), 'reference-'));
  try {
    await writeFile(join(dir, 'train.csv'), rows(0, 200));
    await writeFile(join(dir, 'validation.csv'), rows(500, 50));
    await writeFile(join(dir, 'features.csv'), features);
    const program = `import json, os, sys, numpy as np, xgboost
os.chdir(sys.argv[1])
read = lambda name: np.loadtxt(name, delimiter=",")
t, v, f = read("train.csv"), read("validation.csv"), read("features.csv")
m = xgboost.train(dict(eta=.3, max_depth=3, subsample=.8, seed=3), xgboost.DMatrix(t[:, 1:], t[:, 0]), 25)
rmse = float(np.sqrt(np.mean((m.predict(xgboost.DMatrix(v[:, 1:])) - v[:, 0]) ** 2)))
print(json.dumps(dict(predictions=m.predict(xgboost.DMatrix(f)).tolist(), rmse=rmse)))`;
    return JSON.parse(await python('-c', program, dir)) as typeof own;
  } finally {
    await rm(dir, { recursive: true });
  }
}

function channel(ChannelName: string, S3DataType: 'S3Prefix' | 'ManifestFile', key: string): Channel {
  const S3DataSource = { S3DataType, S3Uri: `s3://${fixture.bucket}/${key}` };
  return { ChannelName, ContentType: 'text/csv', DataSource: { S3DataSource } };
}

async function job(
  name: string,
  hyperparameters: Record<string, string>,
  more: Partial<CreateTrainingJobCommandInput> = {},
) {
  const request = trainingRequest(fixture, name, hyperparameters, {
    AlgorithmSpecification: { TrainingImage: XGBOOST, TrainingInputMode: 'File' },
    InputDataConfig: [
      channel('train', 'ManifestFile', 'train.manifest'),
      channel('validation', 'S3Prefix', 'data/validation/'),
    ],
    ...more,
  });
  await fixture.client.send(new CreateTrainingJobCommand(request));
  return fixture.job(name);
}

const settings = { num_round: '25', eta: '0.3', max_depth: '3', subsample: '0.8', seed: '3' };

it('trains, serves and transforms to what the package itself predicts', async () => {
  const trained = await job('plane', settings);
  expect(trained.FailureReason).toBeUndefined();
  expect(trained.TrainingJobStatus).toBe('Completed');
  const metrics = new Map(trained.FinalMetricDataList?.map(({ MetricName, Value }) => [MetricName, Value]));
  expect([...metrics.keys()]).toEqual(['train:rmse', 'validation:rmse']);
  // What Describe lists finds the very lines that the image logs.
  const listed = trained.AlgorithmSpecification?.MetricDefinitions?.find(({ Name }) => Name === 'validation:rmse');
  expect('[24]#011train-rmse:0.1#011validation-rmse:0.25'.match(String(listed?.Regex))?.[1]).toBe('0.25');
  expect(metrics.get('validation:rmse')).toBeCloseTo(own.rmse, 4);

  const PrimaryContainer = { Image: XGBOOST, ModelDataUrl: trained.ModelArtifacts?.S3ModelArtifacts };
  await fixture.client.send(new CreateModelCommand({ ModelName: 'plane', ExecutionRoleArn: ROLE, PrimaryContainer }));
  await fixture.client.send(
    new CreateTransformJobCommand({
      TransformJobName: 'plane',
      ModelName: 'plane',
      TransformInput: {
        DataSource: { S3DataSource: { S3DataType: 'S3Prefix', S3Uri: `s3://${fixture.bucket}/input/` } },
        ContentType: 'text/csv',
        SplitType: 'Line',
      },
      TransformOutput: { S3OutputPath: `s3://${fixture.bucket}/output`, AssembleWith: 'Line', Accept: 'text/csv' },
      TransformResources: { InstanceType: 'ml.m5.large', InstanceCount: 1 },
    }),
  );
  const transformed = await until(async () => {
    const described = await fixture.client.send(new DescribeTransformJobCommand({ TransformJobName: 'plane' }));
    return described.TransformJobStatus === 'InProgress' ? undefined : described;
  }, 'transform job');
  expect(transformed.FailureReason).toBeUndefined();
  expect((await fixture.text('output/rows.csv.out')).trim().split('\n').map(Number)).toEqual(own.predictions);

  await fixture.client.send(
    new CreateEndpointConfigCommand({
      EndpointConfigName: 'plane',
      ProductionVariants: [
        { VariantName: 'AllTraffic', ModelName: 'plane', InstanceType: 'ml.m5.large', InitialInstanceCount: 1 },
      ],
    }),
  );
  await fixture.client.send(new CreateEndpointCommand({ EndpointName: 'plane', EndpointConfigName: 'plane' }));
  const endpoint = await until(async () => {
    const described = await fixture.client.send(new DescribeEndpointCommand({ EndpointName: 'plane' }));
    return described.EndpointStatus === 'Creating' ? undefined : described;
  }, 'endpoint');
  expect(endpoint).toMatchObject({ EndpointStatus: 'InService' });
  const runtime = new SageMakerRuntimeClient({
    endpoint: fixture.server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const invoke = async (Accept?: string) => {
    const { Body, CustomAttributes } = await runtime.send(
      new InvokeEndpointCommand({
        EndpointName: 'plane',
        ContentType: 'text/csv',
        Body: Buffer.from(features),
        ...(Accept && { Accept }),
      }),
    );
    expect(CustomAttributes).toBe('model=plane');
    return Body.transformToString();
  };
  expect((await invoke('text/csv')).trim().split('\n').map(Number)).toEqual(own.predictions);
  expect(JSON.parse(await invoke('application/json'))).toEqual({
    predictions: own.predictions.map((score) => ({ score })),
  });
  runtime.destroy();
}, 120_000);

it("finds metrics by SageMaker's own expressions, which have #011 for a tab, and by such with a tab", async () => {
  const MetricDefinitions = [
    { Name: 'published', Regex: '.*\\[[0-9]+\\].*#011validation-rmse:(\\S+)' },
    { Name: 'with a tab', Regex: '\\[[0-9]+\\].*\\tvalidation-mae:(\\S+)' },
  ];
  const TrainingImage = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/xgboost:1';
  const { FinalMetricDataList, FailureReason } = await job(
    'metrics',
    { ...settings, eval_metric: 'mae,rmse' },
    { AlgorithmSpecification: { TrainingImage, TrainingInputMode: 'File', MetricDefinitions } },
  );
  expect(FailureReason).toBeUndefined();
  const found = new Map(FinalMetricDataList?.map(({ MetricName, Value }) => [MetricName, Value]));
  expect(found.get('published')).toBeCloseTo(own.rmse, 4);
  expect(found.get('with a tab')).toBeGreaterThan(0);
});

it('lists metrics of every name', async () => {
  const label = (x: number[]) => Number((x[0] ?? 0) > 0.5);
  await fixture.put('classes/train/a.csv', rows(0, 100, label));
  await fixture.put('classes/validation/a.csv', rows(500, 50, label));
  const { FinalMetricDataList, FailureReason } = await job(
    'classes',
    { num_round: '3', objective: 'binary:logistic', eval_metric: 'auc,error@0.7,logloss' },
    {
      InputDataConfig: ['train', 'validation'].map((name) => channel(name, 'S3Prefix', `classes/${name}/`)),
    },
  );
  expect(FailureReason).toBeUndefined();
  const names = ['auc', 'error@0.7', 'logloss'].flatMap((name) => [`train:${name}`, `validation:${name}`]);
  expect(FinalMetricDataList?.map(({ MetricName }) => MetricName).sort()).toEqual(names.sort());
});

it('ends with a ClientError that names every fault', async () => {
  const { TrainingJobStatus, FailureReason } = await job('faults', { eta: 'fast', max_depht: '3' });
  expect(TrainingJobStatus).toBe('Failed');
  expect(FailureReason).toBe(
    "ClientError: Bad hyperparameters: eta is 'fast': it must be a number of at least 0 and at most 1; unknown hyperparameter max_depht: did you mean max_depth?; num_round is required: how many rounds to boost, exit code: 1",
  );
});
