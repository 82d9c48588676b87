import { ListTrainingJobsCommand, DescribeTrainingJobCommand, SageMakerClient } from '@aws-sdk/client-sagemaker';
import { afterEach, describe, expect, it } from 'vitest';
import { judge as judgeHistory, mostEvents } from '../../bench/scenarios/history.js';
import { judge as judgeCalls } from '../../bench/scenarios/status-calls.js';
import { TrainingJobs } from '../../bench/support/training-jobs.js';

const task = ['WORKFLOW_TASK_SCHEDULED', 'WORKFLOW_TASK_STARTED', 'WORKFLOW_TASK_COMPLETED'];
const activity = ['ACTIVITY_TASK_SCHEDULED', 'ACTIVITY_TASK_STARTED', 'ACTIVITY_TASK_COMPLETED'];
const run = ['WORKFLOW_EXECUTION_STARTED', ...task, ...activity, ...task, 'WORKFLOW_EXECUTION_COMPLETED'];

describe('events of a run', () => {
  it('are those of its history where no two answers share a task', () => {
    expect(mostEvents(run)).toEqual({ most: run.length, empty: 0 });
  });

  it('count a task for each of two answers that share one', () => {
    const shared = ['WORKFLOW_EXECUTION_STARTED', ...task, ...activity, ...activity, ...task];
    expect(mostEvents(shared)).toEqual({ most: shared.length + 3, empty: 0 });
  });

  it('leave out a task that nothing caused', () => {
    const odd = ['WORKFLOW_EXECUTION_STARTED', ...task, ...task, ...activity, ...task, 'WORKFLOW_EXECUTION_COMPLETED'];
    expect(mostEvents(odd)).toEqual({ most: run.length, empty: 1 });
  });
});

describe('the judgement of history', () => {
  const observed = (wait: 'short' | 'long', types = run) => ({ wait, waitedMs: 5 * 86_400_000, looks: 9, types });
  const runs = (['short', 'long'] as const).flatMap((wait) => [observed(wait), observed(wait), observed(wait)]);

  it('is good where the long wait costs what the short one does', () => {
    expect(judgeHistory(runs)).toMatchObject({ figure: run.length, ok: true });
  });

  it('is bad where a run did one thing more, was too short or is missing', () => {
    const more = [...run.slice(0, -1), ...activity, ...task, 'WORKFLOW_EXECUTION_COMPLETED'];
    expect(judgeHistory([...runs.slice(1), observed('short', more)]).ok).toBe(false);
    expect(judgeHistory(runs.map((one) => ({ ...one, waitedMs: 1_000 }))).ok).toBe(false);
    expect(judgeHistory(runs.slice(1)).ok).toBe(false);
  });

  it('is bad beyond a hundred events', () => {
    const long = [...run, ...Array.from({ length: 100 }, () => 'MARKER_RECORDED')];
    expect(judgeHistory(runs.map((one) => ({ ...one, types: long })))).toMatchObject({ ok: false });
  });
});

describe('the judgement of status-calls', () => {
  /** So many pages at the beginning of each of four intervals. */
  const listings = (pages: number) =>
    [0, 1, 2, 3].flatMap((interval) =>
      Array.from({ length: pages }, (_, page) => ({
        operation: 'ListTrainingJobs',
        at: 5_000 + interval * 10_050 + page * 500,
        further: page > 0,
      })),
    );
  const finished = Array.from({ length: 200 }, () => ({ noticedMs: 9_000, describes: 1 }));
  const good = { alone: listings(2), amid: listings(12), finished, describedBefore: 0 };

  it('takes the most listings of an interval', () => {
    expect(judgeCalls(good)).toMatchObject({ figure: 12, ok: true });
    expect(judgeCalls({ ...good, amid: listings(13) })).toMatchObject({ figure: 13, ok: false });
    expect(judgeCalls({ ...good, alone: listings(4) }).ok).toBe(false);
  });

  it('is bad where an interval went by without a listing, or a job was noticed late, twice or never', () => {
    expect(judgeCalls({ ...good, amid: listings(12).slice(0, 36) }).ok).toBe(false);
    expect(judgeCalls({ ...good, finished: [...finished.slice(1), { noticedMs: 20_001, describes: 1 }] }).ok).toBe(
      false,
    );
    expect(judgeCalls({ ...good, finished: [...finished.slice(1), { noticedMs: 9_000, describes: 2 }] }).ok).toBe(
      false,
    );
    expect(judgeCalls({ ...good, finished: finished.slice(1) }).ok).toBe(false);
    expect(judgeCalls({ ...good, describedBefore: 1 }).ok).toBe(false);
  });
});

describe('training jobs without processes', () => {
  let jobs: TrainingJobs | undefined;
  afterEach(() => jobs?.close());

  it('list by page what has changed, and count the calls', async () => {
    jobs = await TrainingJobs.start();
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const sagemaker = new SageMakerClient({ endpoint: jobs.url, region: 'us-east-1', credentials });
    jobs.addForeign(150);
    const list = (LastModifiedTimeAfter: Date, NextToken?: string) =>
      sagemaker.send(new ListTrainingJobsCommand({ LastModifiedTimeAfter, MaxResults: 100, NextToken }));
    const [past, future] = [new Date(Date.now() - 60_000), new Date(Date.now() + 60_000)];
    const first = await list(past);
    const second = await list(past, first.NextToken);
    expect([first, second].map(({ TrainingJobSummaries }) => TrainingJobSummaries?.length)).toEqual([100, 50]);
    expect(second.NextToken).toBeUndefined();
    expect((await list(future)).TrainingJobSummaries).toEqual([]);
    jobs.finish('foreign-7');
    const job = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: 'foreign-7' }));
    expect(job.TrainingJobStatus).toBe('Completed');
    expect(jobs.calls.map(({ operation, further }) => [operation, further])).toEqual([
      ['ListTrainingJobs', false],
      ['ListTrainingJobs', true],
      ['ListTrainingJobs', false],
      ['DescribeTrainingJob', false],
    ]);
    sagemaker.destroy();
  });
});
