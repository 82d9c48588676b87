import { KMSClient } from '@aws-sdk/client-kms';
import { afterEach, describe, expect, it } from 'vitest';
import { createTrainingActivities } from '../../activities/training/index.js';
import { failureOf, runActivity } from './support/local-sagemaker.js';
import { Refusal, ScriptedSageMaker } from './support/scripted-sagemaker.js';

const ref = { model: 'example', run: 'retrain/example/2026-11-21T09:00:00.000Z', runTime: '2026-11-21T09:00:00.000Z' };
const trainingJob = 'example-20261121T090000000Z-1';
const missing = new Refusal('ValidationException', 'Requested resource not found.');

let server: ScriptedSageMaker | undefined;
afterEach(() => server?.close());

async function activities(scripts: Parameters<typeof ScriptedSageMaker.start>[0]) {
  server = await ScriptedSageMaker.start(scripts);
  return createTrainingActivities({
    sagemaker: server.client(),
    kms: new KMSClient({ region: 'us-east-1' }),
    region: 'us-east-1',
  });
}

const wait = { ref, trainingJob, poll: '60s' };

describe('every status of a training job', () => {
  it('Completed: artefact, last metrics, billed seconds', async () => {
    const { awaitTrainingJob } = await activities({
      DescribeTrainingJob: {
        TrainingJobStatus: 'Completed',
        ModelArtifacts: { S3ModelArtifacts: 's3://b/model.tar.gz' },
        FinalMetricDataList: [{ MetricName: 'rmse', Value: 2.5 }, { MetricName: 'none' }],
        BillableTimeInSeconds: 77,
      },
    });
    expect(await runActivity(awaitTrainingJob, wait)).toEqual({
      trainingJob,
      artifactUri: 's3://b/model.tar.gz',
      metrics: [{ name: 'rmse', value: 2.5 }],
      billableSeconds: 77,
    });
  });

  it.each([
    [{ TrainingJobStatus: 'Completed' }, 'TrainingFailed', /without a model artefact/],
    [
      { TrainingJobStatus: 'Failed', FailureReason: 'AlgorithmError: bad, exit code: 1' },
      'TrainingFailed',
      /AlgorithmError: bad.*\/aws\/sagemaker\/TrainingJobs/,
    ],
    [{ TrainingJobStatus: 'Failed' }, 'TrainingFailed', /gave no reason/],
    [
      {
        TrainingJobStatus: 'Failed',
        FailureReason: 'CapacityError: Unable to provision requested ML compute capacity.',
        ResourceConfig: { InstanceType: 'ml.p4d.24xlarge' },
      },
      'NoCapacity',
      /ml\.p4d\.24xlarge/,
    ],
    [
      {
        TrainingJobStatus: 'Stopped',
        SecondaryStatus: 'MaxRuntimeExceeded',
        StoppingCondition: { MaxRuntimeInSeconds: 60 },
      },
      'TrainingTimedOut',
      /60 s: raise training\.maxRuntime/,
    ],
    [
      {
        TrainingJobStatus: 'Stopped',
        SecondaryStatus: 'MaxWaitTimeExceeded',
        StoppingCondition: { MaxWaitTimeInSeconds: 90 },
        ResourceConfig: { InstanceType: 'ml.p4d.24xlarge' },
      },
      'NoCapacity',
      /no spot capacity for ml\.p4d\.24xlarge within 90 s: raise training\.spot\.maxWait/,
    ],
    [
      {
        TrainingJobStatus: 'Stopped',
        SecondaryStatus: 'MaxWaitTimeExceeded',
        StoppingCondition: { MaxWaitTimeInSeconds: 90 },
        TrainingTimeInSeconds: 40,
      },
      'TrainingTimedOut',
      /waiting for spot capacity and training for 90 s together: raise training\.spot\.maxWait/,
    ],
    [{ TrainingJobStatus: 'Stopped', SecondaryStatus: 'Stopped' }, 'TrainingStopped', /stopped by somebody/],
    [{ TrainingJobStatus: 'Deleting' }, 'UnknownStatus', /"Deleting"/],
    [{ TrainingJobStatus: 'Hibernating' }, 'UnknownStatus', /"Hibernating"/],
    [missing, 'ResourceMissing', /training job example-2026.*Requested resource not found/],
  ])('%j: %s', async (answer, type, message) => {
    const { awaitTrainingJob } = await activities({ DescribeTrainingJob: answer });
    const failure = await failureOf(runActivity(awaitTrainingJob, wait));
    expect(failure).toMatchObject({ type, nonRetryable: true });
    expect(failure.message).toMatch(message);
  });

  it.each(['InProgress', 'Stopping'])('%s: not over, with the status in words', async (status) => {
    const { awaitTrainingJob } = await activities({
      DescribeTrainingJob: {
        TrainingJobStatus: status,
        SecondaryStatus: 'Training',
        SecondaryStatusTransitions: [{ Status: 'Training', StartTime: Date.now() / 1_000 - 12 * 60 - 5 }],
      },
    });
    const failure = await failureOf(runActivity(awaitTrainingJob, wait));
    expect(failure).toMatchObject({
      type: 'InProgress',
      category: 'BENIGN',
      nonRetryable: false,
      message: `${status}: Training for 12 min`,
    });
  });
});

describe('waiting', () => {
  const running = { TrainingJobStatus: 'InProgress', SecondaryStatus: 'Training' };

  it.each([
    [1, 0, 50],
    [3, 0, 200],
    [50, 9_000, 1_000],
    [50, 100_000, 10_000],
    [50, 5 * 86_400_000, 60_000],
  ])('attempt %i after %i ms looks again in %i ms', async (attempt, elapsed, expected) => {
    const { awaitTrainingJob } = await activities({ DescribeTrainingJob: running });
    const info = { attempt, scheduledTimestampMs: Date.now() - elapsed };
    const failure = await failureOf(runActivity(awaitTrainingJob, wait, info));
    expect(Math.abs(Number(failure.nextRetryDelay) - expected)).toBeLessThanOrEqual(Math.max(100, expected * 0.02));
  });

  it('lists what changed from the second look on, and describes a job that ended', async () => {
    const { awaitTrainingJob } = await activities({
      DescribeTrainingJob: (_input, call) => (call === 1 ? running : { TrainingJobStatus: 'Stopped' }),
      ListTrainingJobs: (input, call) => {
        expect(input).toMatchObject({ MaxResults: 100 });
        if (call === 2) expect(input).toMatchObject({ NextToken: 'more' });
        const page = call === 1 ? { TrainingJobSummaries: [], NextToken: 'more' } : undefined;
        return page ?? { TrainingJobSummaries: [{ TrainingJobName: trainingJob, TrainingJobStatus: 'Stopped' }] };
      },
    });
    expect((await failureOf(runActivity(awaitTrainingJob, wait))).type).toBe('InProgress');
    await new Promise((resolve) => setTimeout(resolve, 110));
    expect((await failureOf(runActivity(awaitTrainingJob, wait, { attempt: 2 }))).type).toBe('TrainingStopped');
    expect(server?.count('ListTrainingJobs')).toBe(2);
    expect(server?.count('DescribeTrainingJob')).toBe(2);
  });

  it('asks for the job itself when an event has made it look anew, whatever the last listing said', async () => {
    const { awaitTrainingJob } = await activities({
      DescribeTrainingJob: (_input, call) => (call === 1 ? running : { TrainingJobStatus: 'Stopped' }),
    });
    const info = { attempt: 1, scheduledTimestampMs: Date.now() - 3_600_000 };
    expect((await failureOf(runActivity(awaitTrainingJob, wait, info))).type).toBe('InProgress');
    expect((await failureOf(runActivity(awaitTrainingJob, wait, info))).type).toBe('TrainingStopped');
    expect(server?.count('ListTrainingJobs')).toBe(0);
  });

  it("asks for changes by SageMaker's clock, not by its own", async () => {
    const { awaitTrainingJob } = await activities({
      DescribeTrainingJob: running,
      ListTrainingJobs: { TrainingJobSummaries: [] },
    });
    (server as ScriptedSageMaker).clock = new Date('2031-01-01T00:00:00Z');
    await failureOf(runActivity(awaitTrainingJob, wait));
    await new Promise((resolve) => setTimeout(resolve, 110));
    await failureOf(runActivity(awaitTrainingJob, wait, { attempt: 2 }));
    expect(server?.inputs('ListTrainingJobs')[0]?.['LastModifiedTimeAfter']).toBe(
      Date.UTC(2030, 11, 31, 23, 59) / 1_000,
    );
  });

  it('waits on through throttling, no faster than it would have looked', async () => {
    const { awaitTrainingJob } = await activities({
      DescribeTrainingJob: new Refusal('ThrottlingException', 'Rate exceeded'),
    });
    const info = { attempt: 9, scheduledTimestampMs: Date.now() - 3_600_000 };
    const failure = await failureOf(runActivity(awaitTrainingJob, wait, info));
    expect(failure).toMatchObject({ type: 'Throttled', nonRetryable: false, nextRetryDelay: 60_000 });
  });

  it('shows the last status, and its age, while listings are throttled', async () => {
    const { awaitTrainingJob } = await activities({
      DescribeTrainingJob: running,
      ListTrainingJobs: new Refusal('ThrottlingException', 'Rate exceeded'),
    });
    await failureOf(runActivity(awaitTrainingJob, wait));
    await new Promise((resolve) => setTimeout(resolve, 110));
    const failure = await failureOf(runActivity(awaitTrainingJob, wait, { attempt: 2 }));
    expect(failure).toMatchObject({ type: 'InProgress', nonRetryable: false });
    expect(failure.message).toMatch(
      /^InProgress: Training for \d+ s, as of \d+ s ago: SageMaker is slow to list training jobs$/,
    );
    expect(Number(failure.nextRetryDelay)).toBeGreaterThan(1_000);
  });

  it('asks again for a page that was throttled, not for all of them', async () => {
    const { awaitTrainingJob } = await activities({
      DescribeTrainingJob: (_input, call) => (call === 1 ? running : { TrainingJobStatus: 'Stopped' }),
      ListTrainingJobs: (input, call) => {
        if (call === 1) return { TrainingJobSummaries: [], NextToken: 'more' };
        expect(input).toMatchObject({ NextToken: 'more' });
        // The client itself tries three times.
        if (call <= 4) return new Refusal('ThrottlingException', 'Rate exceeded');
        return { TrainingJobSummaries: [{ TrainingJobName: trainingJob, TrainingJobStatus: 'Stopped' }] };
      },
    });
    await failureOf(runActivity(awaitTrainingJob, wait));
    await new Promise((resolve) => setTimeout(resolve, 110));
    expect((await failureOf(runActivity(awaitTrainingJob, wait, { attempt: 2 }))).type).toBe('TrainingStopped');
  });
});
