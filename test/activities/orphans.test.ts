import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createOrphanActivities } from '../../activities/orphans/index.js';
import { changeId, deploymentName, runId, TAGS, trainingJobName, transformJobName } from '../../contracts/names.js';
import type { Orphan } from '../../contracts/orphans.js';
import { transformId } from '../../contracts/transforms.js';
import { failureOf } from './support/local-sagemaker.js';
import { Refusal, ScriptedSageMaker } from './support/scripted-sagemaker.js';
import { type Known, temporal } from './support/scripted-temporal.js';
import { World } from './support/world.js';

let world: World;
beforeAll(async () => {
  world = await World.make();
});
afterAll(() => world.close());
let sagemaker: ScriptedSageMaker | undefined;
afterEach(() => sagemaker?.close());

type Answers = Parameters<typeof ScriptedSageMaker.start>[0];

async function activities(answers: Answers) {
  const empty: Answers = {
    ListTrainingJobs: { TrainingJobSummaries: [] },
    ListTransformJobs: { TransformJobSummaries: [] },
    ListEndpointConfigs: { EndpointConfigs: [] },
    ListModels: { Models: [] },
    ListEndpoints: { Endpoints: [] },
    ListTags: ({ ResourceArn }) => tagged(String(ResourceArn)),
  };
  sagemaker = await ScriptedSageMaker.start({ ...empty, ...answers });
  return createOrphanActivities({ sagemaker: sagemaker.client(), s3: world.s3, region: 'us-east-1' });
}

const TIME = '2026-01-02T03:04:05.678Z';
const run = () => runId(world.model, TIME);
const job = () => trainingJobName(world.model, TIME, 1);
const deployment = () => deploymentName(world.model, TIME);

/** The ARNs of these tests end in the time of the run that made the resource. */
function tagged(arn: string): object {
  const time = arn.split('#')[1] ?? TIME;
  return {
    Tags: [
      { Key: TAGS.model, Value: world.model },
      { Key: TAGS.run, Value: runId(world.model, time) },
    ],
  };
}

const perform = <T>(known: Known, activity: () => Promise<T>): Promise<T> =>
  new MockActivityEnvironment(
    { scheduledTimestampMs: Date.now(), attempt: 1 },
    { logger: new DefaultLogger('ERROR'), client: temporal(world, known) },
  ).run(activity) as Promise<T>;

const oneJob: Answers = {
  ListTrainingJobs: ({ StatusEquals }) => ({
    TrainingJobSummaries:
      StatusEquals === 'InProgress'
        ? [{ TrainingJobName: job(), TrainingJobArn: 'arn', TrainingJobStatus: StatusEquals }]
        : [],
  }),
};

describe('finding', () => {
  it.each(['TERMINATED', 'FAILED', 'CANCELLED', 'TIMED_OUT'])('finds the job of a run that is %s', async (status) => {
    const { findOrphans } = await activities(oneJob);
    const { orphans } = await perform({ runs: { [run()]: status } }, findOrphans);
    expect(orphans).toMatchObject([{ name: job(), run: run(), status: 'InProgress', state: 'left' }]);
  });

  it('reads every page', async () => {
    const times = Array.from({ length: 130 }, (_, index) => new Date(Date.parse(TIME) + index).toISOString());
    const page = (token: unknown) => Number(token ?? 0);
    const { findOrphans } = await activities({
      ListModels: ({ NextToken }) => ({
        Models: times
          .slice(page(NextToken) * 100, page(NextToken) * 100 + 100)
          .map((time) => ({ ModelName: deploymentName(world.model, time), ModelArn: `arn#${time}` })),
        ...(page(NextToken) < 1 && { NextToken: String(page(NextToken) + 1) }),
      }),
    });
    const runs = Object.fromEntries(times.map((time) => [runId(world.model, time), 'TERMINATED']));
    const { orphans, more } = await perform({ runs }, findOrphans);
    expect([orphans.length, more]).toEqual([130, 0]);
    // One entity, whatever the number of runs; the account's endpoints once.
    expect(sagemaker?.count('ListEndpoints')).toBe(1);
  });

  it.each<[string, string, Known]>([
    ['runs', 'RUNNING', {}],
    ['is taken up by one in the queue', 'TERMINATED', { queue: [{ request: { resume: 'it' } }] }],
    ['is taken up by one that has not looked yet', 'FAILED', { running: 'r', progress: { resumes: 'it' } }],
  ])('leaves the job alone where the run %s', async (_what, status, known) => {
    const { findOrphans } = await activities(oneJob);
    expect((await perform({ ...known, runs: { [run()]: status } }, findOrphans)).orphans).toEqual([]);
  });

  it('takes a job for left that the run at work has not taken up', async () => {
    const { findOrphans } = await activities(oneJob);
    const progress = { resumes: 'another', trainingJob: 'another-job' };
    const known = { runs: { [run()]: 'TERMINATED', r: 'RUNNING' }, running: 'r', progress };
    expect((await perform(known, findOrphans)).orphans).toMatchObject([{ state: 'left' }]);
  });

  it('takes a run for over that a terminated entity still names', async () => {
    const { findOrphans } = await activities({
      ListModels: { Models: [{ ModelName: deployment(), ModelArn: 'arn' }] },
    });
    const known = { runs: { [run()]: 'CANCELLED' }, running: run() };
    expect((await perform(known, findOrphans)).orphans).toMatchObject([{ kind: 'model', state: 'left' }]);
  });

  it.each([
    ['RUNNING', []],
    ['COMPLETED', []],
    ['TERMINATED', ['left']],
  ])('knows the config of a deploy by hand that is %s', async (status, states) => {
    const id = changeId('deploy', world.model, TIME);
    const { findOrphans } = await activities({
      ListEndpointConfigs: { EndpointConfigs: [{ EndpointConfigName: deployment(), EndpointConfigArn: 'arn' }] },
      ListTags: {
        Tags: [
          { Key: TAGS.model, Value: world.model },
          { Key: TAGS.run, Value: id },
        ],
      },
    });
    const { orphans } = await perform({ runs: { [id]: status } }, findOrphans);
    expect(orphans.map(({ state }) => state)).toEqual(states);
    expect(orphans.every((orphan) => orphan.run === id)).toBe(true);
  });

  it('passes on what it may not read, with the permission', async () => {
    const { findOrphans } = await activities({ ListModels: new Refusal('AccessDeniedException', 'no') });
    const failure = await failureOf(perform({}, findOrphans));
    expect([failure.type, failure.message]).toEqual(['AccessDenied', expect.stringContaining('sagemaker:ListModels')]);
  });

  it('keeps a model that a config made by hand serves', async () => {
    const { findOrphans } = await activities({
      ListModels: { Models: [{ ModelName: deployment(), ModelArn: 'arn' }] },
      ListEndpoints: { Endpoints: [{ EndpointName: 'by-hand' }] },
      DescribeEndpoint: { EndpointName: 'by-hand', EndpointConfigName: 'mine', EndpointStatus: 'InService' },
      DescribeEndpointConfig: { ProductionVariants: [{ ModelName: deployment() }] },
    });
    expect((await perform({ runs: { [run()]: 'TERMINATED' } }, findOrphans)).orphans).toEqual([]);
  });
});

/** A transform job at work whose tag names `maker`. */
const oneTransform = (name: string, maker: string, model = world.model): Answers => ({
  ListTransformJobs: ({ StatusEquals }) => ({
    TransformJobSummaries:
      StatusEquals === 'InProgress'
        ? [{ TransformJobName: name, TransformJobArn: 'arn', TransformJobStatus: StatusEquals }]
        : [],
  }),
  ListTags: {
    Tags: [
      { Key: TAGS.model, Value: model },
      { Key: TAGS.run, Value: maker },
    ],
  },
});
const evaluationJob = () => transformJobName(world.model, TIME, 'live', 2);
const batchJob = () => `${deploymentName(world.model, TIME)}-t1`;
/** A schedule appends its time to the second. */
const batch = () => transformId(world.model, 'daily', TIME.replace(/\.\d+/, ''));

describe('finding transform jobs', () => {
  it.each(['TERMINATED', 'FAILED', 'CANCELLED', 'TIMED_OUT'])('of an evaluation whose run is %s', async (status) => {
    const { findOrphans } = await activities(oneTransform(evaluationJob(), run()));
    const { orphans } = await perform({ runs: { [run()]: status } }, findOrphans);
    expect(orphans).toMatchObject([
      { kind: 'transform job', name: evaluationJob(), run: run(), status: 'InProgress', state: 'left' },
    ]);
    // No deployment is left, so no endpoint is looked at.
    expect(sagemaker?.count('ListEndpoints')).toBe(0);
  });

  it('of a scheduled transform that was terminated', async () => {
    const { findOrphans } = await activities(oneTransform(batchJob(), batch()));
    const { orphans } = await perform({ runs: { [batch()]: 'TERMINATED' } }, findOrphans);
    expect(orphans).toMatchObject([
      { name: batchJob(), run: batch(), state: 'left', reason: 'its batch transform was TERMINATED' },
    ]);
  });

  it.each(['RUNNING', 'a status of tomorrow'])('not where the run or the batch transform is %s', async (status) => {
    const known = { runs: { [run()]: status, [batch()]: status } };
    for (const made of [oneTransform(evaluationJob(), run()), oneTransform(batchJob(), batch())]) {
      const { findOrphans } = await activities(made);
      expect((await perform(known, findOrphans)).orphans).toEqual([]);
      await sagemaker?.close();
    }
  });

  it('of what nobody knows here as foreign, and not those that bear another model’s tags', async () => {
    const { findOrphans } = await activities(oneTransform(batchJob(), batch()));
    expect((await perform({}, findOrphans)).orphans).toMatchObject([{ state: 'foreign' }]);
    await sagemaker?.close();
    const runs = { [batch()]: 'TERMINATED', [run()]: 'TERMINATED' };
    for (const [maker, model] of [
      [transformId('another', 'daily', TIME), world.model],
      [batch(), 'another'],
    ] as const) {
      const other = await activities(oneTransform(batchJob(), maker, model));
      expect((await perform({ runs }, other.findOrphans)).orphans).toEqual([]);
      await sagemaker?.close();
    }
  });
});

describe('stopping', () => {
  const left = (kind: Orphan['kind'], name: string): Orphan => ({
    kind,
    name,
    model: world.model,
    run: run(),
    state: 'left',
    reason: '',
  });
  const over = () => ({ runs: { [run()]: 'TERMINATED' } });

  it('goes on past what SageMaker refuses, and takes what is gone for done', async () => {
    const { stopOrphans } = await activities({
      StopTrainingJob: {},
      DescribeTrainingJob: { TrainingJobName: job(), TrainingJobStatus: 'Stopping' },
      DeleteEndpointConfig: new Refusal(
        'AccessDeniedException',
        'not authorized to perform: sagemaker:DeleteEndpointConfig',
      ),
      DeleteModel: new Refusal('ValidationException', `Could not find model "arn".`),
    });
    const orphans = [left('training job', job()), left('endpoint config', deployment()), left('model', deployment())];
    const { stopped } = await perform(over(), () => stopOrphans({ orphans }));
    expect(stopped.map(({ kind, done }) => [kind, done])).toEqual([
      ['training job', 'stopping'],
      ['endpoint config', 'refused'],
      ['model', 'gone already'],
    ]);
    expect(stopped[1]?.reason).toContain('sagemaker:DeleteEndpointConfig');
  });

  it('stops a transform job, and keeps one whose batch transform goes on', async () => {
    const { stopOrphans } = await activities({
      StopTransformJob: {},
      DescribeTransformJob: { TransformJobStatus: 'Stopping' },
    });
    const orphans = [left('transform job', evaluationJob()), { ...left('transform job', batchJob()), run: batch() }];
    const known = { runs: { [run()]: 'TERMINATED', [batch()]: 'RUNNING' } };
    const { stopped } = await perform(known, () => stopOrphans({ orphans }));
    expect(stopped).toEqual([
      { kind: 'transform job', name: evaluationJob(), done: 'stopping' },
      { kind: 'transform job', name: batchJob(), done: 'kept' },
    ]);
    expect(sagemaker?.count('StopTransformJob')).toBe(1);
  });

  it('keeps what came into use since it was listed', async () => {
    const { stopOrphans } = await activities({
      ListEndpoints: { Endpoints: [{ EndpointName: 'e' }] },
      DescribeEndpoint: { EndpointName: 'e', EndpointConfigName: deployment(), EndpointStatus: 'InService' },
    });
    const orphans = [left('endpoint config', deployment()), left('model', deployment())];
    const { stopped } = await perform(over(), () => stopOrphans({ orphans }));
    expect(stopped.map(({ done }) => done)).toEqual(['kept', 'kept']);
  });

  it('keeps a job that a run has taken up since', async () => {
    const { stopOrphans } = await activities({});
    const known = { ...over(), queue: [{ request: { resume: run() } }] };
    const { stopped } = await perform(known, () => stopOrphans({ orphans: [left('training job', job())] }));
    expect(stopped).toEqual([{ kind: 'training job', name: job(), done: 'kept' }]);
  });

  it('is tried again as a whole after what passes', async () => {
    const { stopOrphans } = await activities({ DeleteModel: new Refusal('InternalFailure', 'sorry', 500) });
    const failure = await failureOf(perform(over(), () => stopOrphans({ orphans: [left('model', deployment())] })));
    expect([failure.type, failure.nonRetryable]).toEqual(['ServiceUnavailable', false]);
  });
});
