import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { message } from '../../activities/notify/message.js';
import { createResumeActivities } from '../../activities/resume/index.js';
import type { CheckDataResult, RunRef } from '../../contracts/activities.js';
import type { Notice } from '../../contracts/notices.js';
import type { Definition } from '../../contracts/definition/index.js';
import { trainingJobName } from '../../contracts/names.js';
import { failureOf } from './support/local-sagemaker.js';
import { ScriptedSageMaker } from './support/scripted-sagemaker.js';
import { AWS, World } from './support/world.js';

let world: World;
let sagemaker: ScriptedSageMaker | undefined;
beforeAll(async () => {
  world = await World.make();
});
afterAll(() => world.close());
beforeEach(() => world.put('2026-01-10.csv'));
afterEach(() => sagemaker?.close());

/** A Temporal in which every run was terminated, none of them having said anything. */
const temporal = {
  workflow: {
    getHandle: () => ({ describe: async () => ({ status: { name: 'TERMINATED' } }), query: async () => ({}) }),
  },
  withAbortSignal: (_signal: AbortSignal, call: () => unknown) => call(),
} as unknown as Client;

const perform = <T>(activity: () => Promise<T>): Promise<T> =>
  new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR'), client: temporal }).run(activity) as Promise<T>;

interface First {
  readonly ref: RunRef;
  readonly checked: CheckDataResult;
}

/** A run that was cut off after it had looked at its data. */
async function first(): Promise<First> {
  const input = world.input();
  return { ref: input.ref, checked: await world.run(world.data.checkData, input) };
}

/** The run's jobs, by attempt, in these statuses. */
async function activities(
  { ref }: First,
  statuses: readonly string[],
  scripts: Parameters<typeof ScriptedSageMaker.start>[0] = {},
) {
  const names = statuses.map((_, index) => trainingJobName(ref.model, ref.runTime, index + 1));
  sagemaker = await ScriptedSageMaker.start({
    ListTrainingJobs: { TrainingJobSummaries: names.map((name) => ({ TrainingJobName: name })) },
    DescribeTrainingJob: ({ TrainingJobName }) => ({
      TrainingJobName,
      TrainingJobStatus: statuses[names.indexOf(String(TrainingJobName))],
      AlgorithmSpecification: { TrainingImage: '382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1' },
      HyperParameters: {},
      InputDataConfig: [{ ChannelName: 'train', ContentType: 'text/csv' }],
      ResourceConfig: { InstanceType: 'ml.m5.large', InstanceCount: 1 },
      ModelArtifacts: { S3ModelArtifacts: `s3://${world.bucket}/data/model.tar.gz` },
      FailureReason: 'AlgorithmError',
    }),
    ...scripts,
  });
  const { s3, data, hashes } = world;
  return createResumeActivities({
    s3,
    hashes,
    sagemaker: sagemaker.client(),
    region: AWS.region,
    checkData: (input) => data.checkData(input),
  });
}

const planned = async (run: First, statuses: string[], definition: Definition = world.definition()) => {
  const { planResume } = await activities(run, statuses);
  return perform(() => planResume({ definition, resume: run.ref.run }));
};

describe('where a run goes on that was cut off', () => {
  it.each<[string, string[], string]>([
    ['trains anew without a job', [], 'train'],
    ['trains anew after a job that failed', ['Failed'], 'train'],
    ['trains anew after a job that is being stopped', ['Stopping'], 'train'],
    ['waits for a job at work', ['InProgress'], 'await'],
    ['waits for the second, the first having had no capacity', ['Failed', 'InProgress'], 'await'],
    ['deploys what completed', ['Failed', 'Completed'], 'deploy'],
  ])('%s', async (_what, statuses, from) => {
    await world.put('data/model.tar.gz');
    expect(await planned(await first(), statuses)).toMatchObject({ from, asOf: '2026-01-10' });
  });

  it('takes the image from the tags of the job, and does without', async () => {
    await world.put('data/model.tar.gz');
    const run = await first();
    const imageDigest = `sha256:${'ab'.repeat(32)}`;
    const tags = { ListTags: { Tags: [{ Key: 'perennial:image-digest', Value: imageDigest }] } };
    const takeUp = async (scripts?: Parameters<typeof ScriptedSageMaker.start>[0]) => {
      const { takeUp: activity } = await activities(run, ['Completed'], scripts);
      return perform(() => activity({ ...world.input(), resume: run.ref.run }));
    };
    expect((await takeUp(tags)).job).toMatchObject({ imageDigest });
    expect((await takeUp()).job).toMatchObject({ imageDigestMissing: expect.stringContaining('could not be read') });
  });

  it('is not known for a job in a status that nobody knows', async () => {
    expect((await failureOf(planned(await first(), ['Paused']))).type).toBe('UnknownStatus');
  });

  it('is nowhere for a run of another model', async () => {
    const run = await first();
    const definition = world.definition({ name: 'another' });
    expect((await failureOf(planned(run, [], definition))).message).toContain('is no run of model another');
  });

  it('is refused if a holdout came to the definition: the run trained on those days', async () => {
    const definition = world.definition({ evaluation: { metric: 'rmse', holdout: 'P1D' } });
    const failure = await failureOf(planned(await first(), [], definition));
    expect([failure.type, failure.message]).toEqual(['DataChanged', expect.stringContaining('channel holdout')]);
  });

  it('is refused if a channel came to the definition', async () => {
    const definition = world.definition({ data: { channels: ['validation'] } });
    const failure = await failureOf(planned(await first(), [], definition));
    expect([failure.type, failure.message]).toEqual(['DataChanged', expect.stringContaining('channel validation')]);
  });
});

describe('taking up', () => {
  it('writes a record and manifests under the new run’s name, once, whatever came since', async () => {
    const run = await first();
    const { takeUp } = await activities(run, []);
    await world.put('2026-01-09.csv');
    const { ref, definition, ...look } = world.input();
    const input = { ref, definition, ...look, resume: run.ref.run };
    const taken = await perform(() => takeUp(input));
    expect(await perform(() => takeUp(input))).toEqual(taken);
    expect(taken).toMatchObject({ news: true, files: 1, dataHash: run.checked.dataHash });
    expect(await world.json(taken.fileRecordUri)).toMatchObject({ run: ref.run, resumes: run.ref.run });
    expect(taken.manifestUri).not.toBe(run.checked.manifestUri);
    expect(await world.json(taken.manifestUri)).toEqual(await world.json(run.checked.manifestUri));
  });

  it('answers the holdout of the run before it, with a manifest of its own', async () => {
    await world.put('2026-01-01.csv');
    const definition = world.definition({ evaluation: { metric: 'rmse', holdout: 'P1D' } });
    const before = world.input({ definition });
    const checked = await world.run(world.data.checkData, before);
    const { takeUp } = await activities({ ref: before.ref, checked }, []);
    const taken = await perform(() => takeUp({ ...world.input({ definition }), resume: before.ref.run }));
    expect(taken.holdout).toEqual({
      ...checked.holdout,
      manifestUri: expect.stringMatching(/holdout\.manifest$/) as unknown,
    });
    expect(taken.holdout?.manifestUri).not.toBe(checked.holdout?.manifestUri);
    expect(await world.json(taken.holdout?.manifestUri)).toEqual(await world.json(checked.holdout?.manifestUri));
    expect(await world.json(taken.fileRecordUri)).toMatchObject({ holdout: 'holdout' });
  });

  it('follows the chain of records to a run’s own job', async () => {
    const run = await first();
    const { takeUp } = await activities(run, ['InProgress']);
    const second = world.input();
    await perform(() => takeUp({ ...second, resume: run.ref.run }));
    const third = world.input();
    const taken = await perform(() => takeUp({ ...third, resume: second.ref.run }));
    expect(taken.job?.trainingJob).toBe(trainingJobName(run.ref.model, run.ref.runTime, 1));
    expect(await world.json(taken.fileRecordUri)).toMatchObject({ run: third.ref.run, resumes: second.ref.run });
  });
});

describe('what Slack is told', () => {
  const notice: Notice = {
    kind: 'ended',
    ref: { model: 'weather', run: 'retrain/weather/2', runTime: '2026-01-02T00:00:00.000Z' },
    temporalRunId: 'id',
    stage: 'deploy',
    request: { trigger: 'manual', resume: 'retrain/weather/1' },
    outcome: 'Failed',
    reason: 'the endpoint failed',
    metrics: [],
    seconds: 1,
    stages: {},
    warnings: [],
    next: '`perennial resume retrain/weather/2` goes on without a second training',
  };

  it('names the run that was taken up, and how to go on', () => {
    const { blocks } = message(notice, undefined);
    const text = JSON.stringify(blocks);
    expect(text).toContain('manual, resumes retrain/weather/1');
    expect(text).toContain('`perennial resume retrain/weather/2` goes on without a second training');
  });
});
