import {
  CreateModelCommand,
  CreateTrainingJobCommand,
  CreateTransformJobCommand,
  DescribeTransformJobCommand,
} from '@aws-sdk/client-sagemaker';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { imageUri } from '../../contracts/images.js';
import { buildHousing, byMonth, HOUSING_FEATURES, type HousingSplit } from '../../examples/housing/data.js';
import { ROLE, startFixture, trainingRequest, until } from './fixtures/sagemaker.js';
import { image, python } from './xgboost-program.js';

const example = (name: string) => fileURLToPath(new URL(`../../examples/housing/${name}`, import.meta.url));
const csv = (sales: readonly { csv: string }[]) => sales.map((sale) => sale.csv).join('');
const table = (sales: readonly { csv: string }[]) =>
  csv(sales)
    .trim()
    .split('\n')
    .map((line) => line.split(','));

let housing: HousingSplit;
// The first use fetches the package.
beforeAll(async () => {
  housing = await buildHousing();
}, 600_000);

it('has every sale once, in the order of time, as finite numbers', () => {
  const parts = [housing.train, housing.validation, housing.test];
  expect(parts.map(({ length }) => length)).toEqual([34_586, 4_368, 4_359]);
  for (const sales of parts) {
    const dates = sales.map(({ date }) => date);
    expect(dates).toEqual([...dates].sort());
    for (const values of table(sales)) {
      expect(values).toHaveLength(1 + HOUSING_FEATURES.length);
      expect(values.every((value) => value !== '' && Number.isFinite(Number(value)))).toBe(true);
    }
  }
  // The first sale of the file: a single-family house on 2013-02-06.
  expect(csv(parts.flat())).toContain('289000,1132,0,79,9295,0,7,2560,6,5.5,98,6,-122.312491,47.561380\n');
});

it('has no house in two parts', () => {
  // Place, lot and size tell one house from the next; some dozens stand so close that they can't.
  const houses = ({ [4]: lot, [12]: longitude, [13]: latitude }: string[]) => [lot, longitude, latitude].join();
  const [train, validation, test] = [housing.train, housing.validation, housing.test].map(
    (sales) => new Set(table(sales).map(houses)),
  ) as [Set<string>, Set<string>, Set<string>];
  const shared = [...validation, ...test].filter((house) => train.has(house)).length;
  const between = [...test].filter((house) => validation.has(house)).length;
  expect(shared + between).toBe(0);
});

it('comes as one object a month, whose rows together are all rows', () => {
  const months = byMonth(housing.train);
  expect(months).toHaveLength(84);
  expect(new Set(months.map(({ date }) => date.slice(0, 7))).size).toBe(84);
  expect(months.every(({ date }) => /^\d{4}-\d\d-\d\d$/.test(date))).toBe(true);
  expect(csv(months)).toBe(csv(housing.train));
});

it("reaches the package's own MdAPE through the local SageMaker", async () => {
  const { training } = parse(await readFile(example('model.yaml'), 'utf8')) as {
    training: { hyperparameters: Record<string, string | number> };
  };
  const dir = await mkdtemp(join(tmpdir(), 'housing-'));
  const fixture = await startFixture({ 'sagemaker-xgboost': image });
  try {
    const { bucket } = fixture;
    for (const part of ['train', 'validation', 'test'] as const) {
      await writeFile(join(dir, `${part}.csv`), csv(housing[part]));
      if (part === 'test') continue;
      for (const month of byMonth(housing[part])) await fixture.put(`${part}/${month.date}.csv`, month.csv);
    }
    const features = table(housing.test).map((values) => `${values.slice(1).join(',')}\n`);
    await fixture.put('input/test.csv', features.join(''));

    const TrainingImage = imageUri('xgboost', 'us-east-1');
    const settings = Object.entries(training.hyperparameters).map(([name, value]) => [name, String(value)]);
    const request = trainingRequest(fixture, 'housing', Object.fromEntries(settings) as Record<string, string>, {
      AlgorithmSpecification: { TrainingImage, TrainingInputMode: 'File' },
      InputDataConfig: ['train', 'validation'].map((ChannelName) => ({
        ChannelName,
        ContentType: 'text/csv',
        DataSource: { S3DataSource: { S3DataType: 'S3Prefix', S3Uri: `s3://${bucket}/${ChannelName}/` } },
      })),
    });
    await fixture.client.send(new CreateTrainingJobCommand(request));
    const job = await fixture.job('housing');
    expect(job.FailureReason).toBeUndefined();
    expect(job.FinalMetricDataList?.map(({ MetricName }) => MetricName)).toContain('validation:mape');

    const PrimaryContainer = { Image: TrainingImage, ModelDataUrl: job.ModelArtifacts?.S3ModelArtifacts };
    await fixture.client.send(
      new CreateModelCommand({ ModelName: 'housing', ExecutionRoleArn: ROLE, PrimaryContainer }),
    );
    await fixture.client.send(
      new CreateTransformJobCommand({
        TransformJobName: 'housing',
        ModelName: 'housing',
        TransformInput: {
          DataSource: { S3DataSource: { S3DataType: 'S3Prefix', S3Uri: `s3://${bucket}/input/` } },
          ContentType: 'text/csv',
          SplitType: 'Line',
        },
        TransformOutput: { S3OutputPath: `s3://${bucket}/output`, AssembleWith: 'Line', Accept: 'text/csv' },
        TransformResources: { InstanceType: 'ml.m5.large', InstanceCount: 1 },
      }),
    );
    const transform = await until(async () => {
      const described = await fixture.client.send(new DescribeTransformJobCommand({ TransformJobName: 'housing' }));
      return described.TransformJobStatus === 'InProgress' ? undefined : described;
    }, 'transform job');
    expect(transform.FailureReason).toBeUndefined();
    const predictions = (await fixture.text('output/test.csv.out')).trim().split('\n').map(Number);

    const files = ['train', 'validation', 'test'].map((part) => join(dir, `${part}.csv`));
    const printed = await python(example('reference.py'), ...files, JSON.stringify(training.hyperparameters));
    const reference = JSON.parse(printed) as { mdape: number; predictions: number[] };
    expect(predictions).toEqual(reference.predictions);
    expect(median(table(housing.test).map(([price], i) => share(predictions[i] as number, Number(price))))).toBeCloseTo(
      reference.mdape,
      9,
    );
    // Guessing the median price is off by a third; a defect in data or settings shows here.
    expect(reference.mdape).toBeLessThan(0.1);
  } finally {
    await fixture[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  }
}, 180_000);

const share = (prediction: number, price: number) => Math.abs(prediction - price) / price;

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]] as [number, number];
  return (low + high) / 2;
}
