import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import {
  CreateTrainingJobCommand,
  DescribeTrainingJobCommand,
  type DescribeTrainingJobCommandOutput,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import { findEngine } from '../../engine/find.js';
import { s3Client, sagemakerClient, type Env } from '../../examples/demo/account.js';
import { packagePath } from '../../local/paths.js';
import { holdings } from '../support/engine/leftovers.js';
import { withStack } from '../support/stack.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const BUCKET = 'engine-hosts';
const JOB = 'two-hosts';
const HOSTS = 2;
const OBJECTS = 9;
const PATIENCE_MS = 300_000;
/** Of all objects: what no host can know from its share. */
const TOTAL = (OBJECTS * (OBJECTS + 1)) / 2;

export const engineHosts: Scenario = {
  name: 'engine-hosts',
  what: `a training job of ${HOSTS} hosts with ShardedByS3Key, whose result takes both of them to talk: by how much it is off`,
  unit: '',
  limit: 0,
  bound: 'at most',
  measure,
};

async function measure(context: BenchContext): Promise<Measured> {
  const engine = await findEngine('auto');
  process.env['SAGEMAKER_LOCAL_IMAGES'] = JSON.stringify({
    'all-reduce': packagePath('bench', 'support', 'engine', 'all-reduce-image'),
  });
  const before = await holdings(engine);
  const job = await withStack(context, ({ env }) => train(env, context), ['aws', 'sagemaker'], engine.name);
  const left = [...(await holdings(engine))].filter((thing) => !before.has(thing));
  const { TrainingJobStatus: status, FailureReason: reason, FinalMetricDataList: metrics = [] } = job;
  const sum = metrics.find(({ MetricName }) => MetricName === 'sum')?.Value ?? Number.NaN;
  const shares = metrics.filter(({ MetricName }) => MetricName !== 'sum').map(({ Value }) => Value);
  return {
    figure: Math.abs(sum - TOTAL) + left.length,
    ok: status === 'Completed' && sum === TOTAL && left.length === 0 && shares.every((share) => share !== TOTAL),
    detail: { engine: engine.name, hosts: HOSTS, objects: OBJECTS, status, reason, metrics, total: TOTAL, left },
  };
}

async function train(env: Env, { say, signal }: BenchContext): Promise<DescribeTrainingJobCommandOutput> {
  const [s3, sagemaker] = [s3Client(env), sagemakerClient(env)];
  try {
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    for (let number = 1; number <= OBJECTS; number += 1)
      await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: `data/${number}.csv`, Body: `${number}\n` }));
    await sagemaker.send(
      new CreateTrainingJobCommand({
        TrainingJobName: JOB,
        RoleArn: 'arn:aws:iam::000000000000:role/sagemaker',
        AlgorithmSpecification: {
          TrainingImage: 'all-reduce:1',
          TrainingInputMode: 'File',
          MetricDefinitions: [
            { Name: 'sum', Regex: 'sum=(\\d+);' },
            { Name: 'share of algo-1', Regex: 'algo-1: .* own sum (\\d+)' },
            { Name: 'share of algo-2', Regex: 'algo-2: .* own sum (\\d+)' },
          ],
        },
        InputDataConfig: [
          {
            ChannelName: 'train',
            DataSource: {
              S3DataSource: {
                S3DataType: 'S3Prefix',
                S3Uri: `s3://${BUCKET}/data/`,
                S3DataDistributionType: 'ShardedByS3Key',
              },
            },
          },
        ],
        OutputDataConfig: { S3OutputPath: `s3://${BUCKET}/models` },
        ResourceConfig: { InstanceType: 'ml.m5.large', InstanceCount: HOSTS, VolumeSizeInGB: 5 },
        StoppingCondition: { MaxRuntimeInSeconds: 300 },
      }),
    );
    return await ended(sagemaker, say, signal);
  } finally {
    s3.destroy();
    sagemaker.destroy();
  }
}

async function ended(
  sagemaker: SageMakerClient,
  say: BenchContext['say'],
  signal: AbortSignal,
): Promise<DescribeTrainingJobCommandOutput> {
  const deadline = Date.now() + PATIENCE_MS;
  for (let last = ''; ; await sleep(200, undefined, { signal })) {
    const job = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: JOB }));
    if (job.SecondaryStatus && job.SecondaryStatus !== last) say(`the job is at ${(last = job.SecondaryStatus)}`);
    if (job.TrainingJobStatus !== 'InProgress' || Date.now() > deadline) return job;
  }
}
