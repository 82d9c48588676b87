import {
  CreateTrainingJobCommand,
  DescribeTrainingJobCommand,
  ListTagsCommand,
  StopTrainingJobCommand,
  type CreateTrainingJobCommandInput,
} from '@aws-sdk/client-sagemaker';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { verdictOn } from '../../activities/training/verdict.js';
import type { ControlRule } from '../../local/sagemaker/context.js';
import { startFixture, trainingRequest, type Fixture } from './fixtures/sagemaker.js';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());
afterEach(() => fetch(`${fixture.server.url}/_local/rules`, { method: 'DELETE' }));

const create = (name: string, more: Partial<CreateTrainingJobCommandInput> = {}) =>
  fixture.client.send(new CreateTrainingJobCommand(trainingRequest(fixture, name, {}, more)));
const rule = (action: ControlRule['action'], more: Partial<ControlRule> = {}) =>
  fixture.rule({ kind: 'training-job', action, ...more });
const describeJob = (name: string) => fixture.client.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));

/** What production makes of the job as it is: the failure's type, `completed`, or undefined while it runs. */
async function verdict(name: string): Promise<string | undefined> {
  const found = verdictOn(name, await describeJob(name));
  return found instanceof ApplicationFailure ? String(found.type) : found && 'completed';
}

const stages = async (name: string) =>
  (await describeJob(name)).SecondaryStatusTransitions?.map(({ Status }) => Status);

describe.each([true, false])('a job that a complete rule matches: %s', (canned) => {
  const prefix = canned ? 'canned' : 'plain';
  const begin = () => (canned ? rule('complete') : Promise.resolve());

  it('finds no capacity: Pending, then Failed', async () => {
    await begin();
    await rule('capacity', { times: 1 });
    await create(`${prefix}-capacity`);
    expect(await fixture.job(`${prefix}-capacity`)).toMatchObject({
      TrainingJobStatus: 'Failed',
      FailureReason:
        'CapacityError: Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. Please retry using a different ML instance type or after some time.',
    });
    expect(await stages(`${prefix}-capacity`)).toEqual(['Starting', 'Pending', 'Failed']);
    expect((await describeJob(`${prefix}-capacity`)).BillableTimeInSeconds).toBeUndefined();
    expect(await verdict(`${prefix}-capacity`)).toBe('NoCapacity');
    await create(`${prefix}-capacity-2`);
    await fixture.job(`${prefix}-capacity-2`);
    expect(await verdict(`${prefix}-capacity-2`)).toBe('completed');
  });

  it('is refused over a quota, and is not there', async () => {
    await begin();
    await rule('quota', { times: 1 });
    await expect(create(`${prefix}-quota`)).rejects.toMatchObject({
      name: 'ResourceLimitExceeded',
      message: expect.stringMatching(
        /^The account-level service limit 'ml\.m5\.large for training job usage' is 0 Instances, with current utilization of 0 Instances and a request delta of 1 Instances\./,
      ) as string,
    });
    await expect(describeJob(`${prefix}-quota`)).rejects.toThrow('Requested resource not found.');
    await create(`${prefix}-quota`);
    expect(await fixture.job(`${prefix}-quota`)).toMatchObject({ TrainingJobStatus: 'Completed' });
  });

  it.each([
    ['Starting', ['Starting', 'Failed'], 'InternalServerError: '],
    ['Downloading', ['Starting', 'Downloading', 'Failed'], 'ClientError: Data download failed:'],
    ['Training', ['Starting', 'Downloading', 'Training', 'Failed'], 'AlgorithmError: '],
    [
      'Uploading',
      ['Starting', 'Downloading', 'Training', 'Uploading', 'Failed'],
      'ClientError: Artifact upload failed:',
    ],
  ])('fails while %s', async (stage, expected, reason) => {
    const name = `${prefix}-fails-${stage}`;
    await begin();
    await rule('fail', { stage, times: 1 });
    await create(name);
    expect((await fixture.job(name)).FailureReason).toContain(reason);
    expect(await stages(name)).toEqual(expected);
    expect(await verdict(name)).toBe('TrainingFailed');
  });

  it('is stopped by somebody else', async () => {
    await begin();
    await rule('stop', { delayMs: 50 });
    await create(`${prefix}-stopped`);
    expect(await fixture.job(`${prefix}-stopped`)).toMatchObject({
      TrainingJobStatus: 'Stopped',
      SecondaryStatus: 'Stopped',
    });
    expect((await stages(`${prefix}-stopped`))?.slice(-3)).toEqual(['Training', 'Stopping', 'Stopped']);
    expect(await verdict(`${prefix}-stopped`)).toBe('TrainingStopped');
  });

  it('is in an unknown status for a while, and goes on', async () => {
    await begin();
    await rule('status', { id: 'held', status: 'Hibernating', delayMs: 600_000 });
    await create(`${prefix}-status`);
    const name = `${prefix}-status`;
    await fixture.job(name, (job) => String(job.TrainingJobStatus) === 'Hibernating');
    expect(await verdict(name)).toBe('UnknownStatus');
    await fixture.endDelays('held');
    await fixture.job(name);
    expect(await verdict(name)).toBe('completed');
  });

  it('stays in an unknown status, over a restart too, until it is stopped', async () => {
    const name = `${prefix}-stays`;
    await begin();
    await rule('status', { status: 'Hibernating' });
    await create(name);
    const sleeping = () => fixture.job(name, (job) => String(job.TrainingJobStatus) === 'Hibernating');
    await sleeping();
    await fixture.restart();
    await sleeping();
    expect(await verdict(name)).toBe('UnknownStatus');
    await fixture.client.send(new StopTrainingJobCommand({ TrainingJobName: name }));
    expect(await fixture.job(name)).toMatchObject({ TrainingJobStatus: 'Stopped' });
  });

  it('is slow in the stage that was told', async () => {
    const name = `${prefix}-slow`;
    await begin();
    await rule('slow', { stage: 'Uploading', delayMs: 60_000, times: 1 });
    await create(name);
    await fixture.job(name, (job) => job.SecondaryStatus === 'Uploading');
    expect(await verdict(name)).toBeUndefined();
    await fixture.restart();
    await fixture.job(name);
    expect(await verdict(name)).toBe('completed');
  });
});

describe('a job that a rule decides', () => {
  it('has ended, with its tags, when Create answers', async () => {
    await rule('complete');
    await rule('fail', { match: 'tagged', reason: 'AlgorithmError: as told' });
    const { TrainingJobArn } = await create('tagged', { Tags: [{ Key: 'run', Value: 'r' }] });
    expect(await describeJob('tagged')).toMatchObject({
      TrainingJobStatus: 'Failed',
      FailureReason: 'AlgorithmError: as told',
    });
    const { Tags } = await fixture.client.send(new ListTagsCommand({ ResourceArn: TrainingJobArn }));
    expect(Tags).toEqual([{ Key: 'run', Value: 'r' }]);
  });

  it('takes no rule for a request that is refused', async () => {
    await rule('complete', { match: '^taken$' });
    await create('taken');
    await rule('capacity', { times: 1 });
    await expect(create('taken')).rejects.toMatchObject({ name: 'ResourceInUse' });
    await create('next');
    expect(await verdict('next')).toBe('NoCapacity');
  });
});
