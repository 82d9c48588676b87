import {
  CreateEndpointConfigCommand,
  CreateModelCommand,
  CreateTrainingJobCommand,
  type CreateTrainingJobRequest,
  DescribeTrainingJobCommand,
  DescribeTransformJobCommand,
} from '@aws-sdk/client-sagemaker';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deploymentName, runId, trainingJobName, transformJobName } from '../../contracts/names.js';
import type { OrphanReport } from '../../contracts/orphans.js';
import { call } from '../client/terminal.js';
import { until } from '../support/local.js';
import { RunWorld } from '../support/run-world.js';

let world: RunWorld;
beforeAll(async () => {
  world = await RunWorld.make();
}, 60_000);
afterAll(() => world.close(), 30_000);
beforeEach(async () => {
  await world.aws.rule({ kind: 'endpoint', action: 'complete' });
  await world.aws.rule({ kind: 'training-job', action: 'complete' });
});
afterEach(() => world.aws.clearRules());

async function orphans(model: string, ...flags: string[]): Promise<OrphanReport> {
  const { code, json, err } = await call(world.env, ['orphans', '--json', ...flags]);
  expect(code, err).toBe(0);
  const report = json<OrphanReport>();
  // Other tests' models share the account.
  const ours = report.orphans.filter((one) => one.model === model);
  const stopped = report.stopped.filter(({ name }) => ours.some((one) => one.name === name));
  return { ...report, orphans: ours, stopped };
}

const statusOf = async (job: string) =>
  (await world.aws.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: job }))).TrainingJobStatus;

/** A run whose job trains for a minute. */
async function training(): Promise<{ model: string; run: string; job: string }> {
  await world.aws.clearRules();
  await world.aws.rule({ kind: 'endpoint', action: 'complete' });
  await world.aws.rule({ kind: 'training-job', action: 'slow', delayMs: 60_000 });
  const model = await world.model();
  const run = await world.request(model);
  await until('the job', async () => (await world.jobs(run)).some(({ status }) => status === 'InProgress'));
  return { model, run, job: (await world.jobs(run))[0]?.name ?? '' };
}

/** A run that is terminated right after an operation took effect; the activity goes no further before `release`. */
async function stoppedAfter(command: string): Promise<{ model: string; run: string; release: () => void }> {
  const model = await world.model();
  const held = world.hold(command, 'after');
  const run = await world.request(model);
  await held.reached;
  await world.run(run).terminate('by the test');
  await until('the entity to notice', async () => {
    const { running } = await world.entity(model).query<{ running?: object }>('status');
    return running === undefined;
  });
  return { model, run, release: held.release };
}

async function terminatedAfter(command: string): Promise<{ model: string; run: string }> {
  const { release, ...terminated } = await stoppedAfter(command);
  release();
  return terminated;
}

describe('orphans', () => {
  it('finds the job of a terminated run, stops it, and then finds nothing', async () => {
    const { model, run, job } = await training();
    expect((await orphans(model)).orphans).toEqual([]);
    await world.run(run).terminate('by the test');
    const listed = await orphans(model);
    expect(listed.orphans).toMatchObject([
      { kind: 'training job', name: job, run, state: 'left', reason: 'its run was TERMINATED and left no record' },
    ]);
    expect(listed.stopped).toEqual([]);
    expect(await statusOf(job)).toBe('InProgress');
    const { stopped } = await orphans(model, '--stop');
    expect(stopped.map(({ name }) => name)).toEqual([job]);
    await until('the job to stop', async () => (await statusOf(job)) === 'Stopped');
    expect(await orphans(model, '--stop')).toMatchObject({ orphans: [], stopped: [] });
    expect((await call(world.env, ['orphans'])).out).toBe('nothing left\n');
  });

  it('finds the transform job of a run that was terminated while it evaluated, and stops it', async () => {
    await world.aws.rule({ kind: 'transform-job', action: 'slow', delayMs: 60_000 });
    const model = await world.model({ evaluation: { metric: 'rmse', holdout: 'P1D' } });
    await world.upload(model, '2026-01-02');
    const run = await world.request(model);
    const job = transformJobName(model, timeOf(run), 'candidate', 1);
    const standing = async () =>
      (await world.aws.sagemaker.send(new DescribeTransformJobCommand({ TransformJobName: job }))).TransformJobStatus;
    await until('the job', async () => (await standing().catch(() => undefined)) === 'InProgress');
    expect((await orphans(model)).orphans).toEqual([]);
    await world.run(run).terminate('by the test');
    const { orphans: listed, stopped } = await orphans(model, '--stop');
    expect(listed).toMatchObject([
      { kind: 'transform job', name: job, run, status: 'InProgress', state: 'left' },
      { kind: 'model', name: deploymentName(model, timeOf(run)), run, state: 'left' },
    ]);
    expect(stopped.map(({ name, done }) => [name, done])).toEqual([
      [job, expect.stringMatching(/^stopp/)],
      [deploymentName(model, timeOf(run)), 'removed'],
    ]);
    await until('the job to stop', async () => (await standing()) === 'Stopped');
    expect((await orphans(model)).orphans).toEqual([]);
  });

  it('leaves a job alone that a resumed run has taken up', async () => {
    const { model, run, job } = await training();
    await world.run(run).terminate('by the test');
    const { code, err } = await call(world.env, ['resume', run]);
    expect(code, err).toBe(0);
    expect((await orphans(model, '--stop')).orphans).toEqual([]);
    expect(await statusOf(job)).toBe('InProgress');
    const { running } = await world.entity(model).query<{ running: { run: string } }>('status');
    await world.run(running.run).cancel();
    await world.end(running.run);
    expect(await statusOf(job)).toBe('Stopped');
  });

  it('removes the config and model of a run that was terminated before it touched the endpoint', async () => {
    const { model, run, release } = await stoppedAfter('CreateEndpointConfig');
    expect(await world.deployments(run)).toHaveLength(2);
    const { stopped } = await orphans(model, '--stop');
    expect(stopped.map(({ kind, done }) => [kind, done])).toEqual([
      ['endpoint config', 'removed'],
      ['model', 'removed'],
    ]);
    release();
    expect(await world.deployments(run)).toEqual([]);
  });

  it('shows an endpoint on what nobody verified, and leaves it to a person, who resumes', async () => {
    const { model, run } = await terminatedAfter('CreateEndpoint');
    const report = await orphans(model, '--stop');
    expect(report.orphans).toMatchObject([{ kind: 'endpoint', name: model, run, state: 'unproven' }]);
    expect(report.orphans[0]?.reason).toContain(`perennial resume ${run}`);
    expect(await world.endpoint(model)).toMatchObject({ EndpointConfigName: deploymentName(model, timeOf(run)) });
    const resumed = await call(world.env, ['resume', run, '--follow', '--json']);
    expect(resumed.json()).toMatchObject({ outcome: 'Deployed', from: 'deploy' });
    // Now it serves nothing.
    expect((await orphans(model, '--stop')).stopped).toHaveLength(2);
    expect(await world.endpoint(model)).toMatchObject({ EndpointStatus: 'InService' });
    expect((await orphans(model)).orphans).toEqual([]);
  });

  it('leaves deployed runs alone, and whatever a run at work may go back to', async () => {
    const { model, run } = await terminatedAfter('CreateEndpoint');
    const held = world.hold('UpdateEndpoint', 'after');
    const next = await world.request(model, { force: true });
    await held.reached;
    expect((await orphans(model, '--stop')).orphans).toEqual([]);
    held.release();
    expect(await world.end(next)).toMatchObject({ outcome: 'Deployed' });
    expect(new Set((await orphans(model)).orphans.map((one) => one.run))).toEqual(new Set([run]));
    expect(await world.deployments(next)).toHaveLength(2);
  });
});

const timeOf = (run: string) => run.split('/')[2] ?? '';
const TIME = '2026-01-02T03:04:05.678Z';
const tags = (model: string) => [
  { Key: 'perennial:model', Value: model },
  { Key: 'perennial:run', Value: runId(model, TIME) },
];

/** What another namespace's run would have made. */
async function foreign(model: string): Promise<string> {
  await world.aws.clearRules();
  await world.aws.rule({ kind: 'training-job', action: 'slow', delayMs: 60_000 });
  const job = trainingJobName(model, TIME, 1);
  const request: CreateTrainingJobRequest = {
    TrainingJobName: job,
    RoleArn: 'arn:aws:iam::000000000000:role/sagemaker',
    AlgorithmSpecification: {
      TrainingImage: '382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1',
      TrainingInputMode: 'File',
    },
    HyperParameters: { predictor_type: 'regressor' },
    InputDataConfig: [
      {
        ChannelName: 'train',
        ContentType: 'text/csv',
        DataSource: { S3DataSource: { S3DataType: 'S3Prefix', S3Uri: `s3://${world.aws.bucket}/data/` } },
      },
    ],
    OutputDataConfig: { S3OutputPath: `s3://${world.aws.bucket}/out` },
    ResourceConfig: { InstanceType: 'ml.m5.large', InstanceCount: 1, VolumeSizeInGB: 1 },
    StoppingCondition: { MaxRuntimeInSeconds: 600 },
    Tags: tags(model),
  };
  await world.aws.sagemaker.send(new CreateTrainingJobCommand(request));
  return job;
}

describe('what is not known to be ours', () => {
  it.each(['a model of no entity here', 'a run that Temporal does not remember'])(
    'is shown and left alone: %s',
    async (which) => {
      const known = which.startsWith('a run');
      const model = known ? await world.model() : `${world.aws.model}-other`;
      await world.upload(model, '2026-01-01');
      const job = await foreign(model);
      const { orphans: listed, stopped } = await orphans(model, '--stop');
      expect(listed).toMatchObject([{ kind: 'training job', name: job, state: 'foreign' }]);
      expect(listed[0]?.reason).toMatch(
        known ? /doesn't remember its run here/ : /no model .* is known in this namespace/,
      );
      expect(stopped).toEqual([]);
      expect(await statusOf(job)).toBe('InProgress');
    },
  );

  it('is not even shown without the tags of the run that its name is of', async () => {
    const { model, run } = await terminatedAfter('CreateTrainingJob');
    const name = deploymentName(model, timeOf(run));
    const image = {
      Image: '382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1',
      ModelDataUrl: `s3://${world.aws.bucket}/m.tar.gz`,
    };
    await world.aws.put('m.tar.gz', 'made by hand');
    const role = 'arn:aws:iam::000000000000:role/sagemaker';
    await world.aws.sagemaker.send(
      new CreateModelCommand({ ModelName: name, ExecutionRoleArn: role, PrimaryContainer: image, Tags: tags(model) }),
    );
    await world.aws.sagemaker.send(
      new CreateEndpointConfigCommand({
        EndpointConfigName: name,
        ProductionVariants: [
          { VariantName: 'v', ModelName: name, InstanceType: 'ml.m5.large', InitialInstanceCount: 1 },
        ],
      }),
    );
    expect((await orphans(model, '--stop')).orphans).toEqual([]);
    expect(await world.deployments(run)).toHaveLength(2);
  });
});
