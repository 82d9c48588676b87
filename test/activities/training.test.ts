import { DescribeTrainingJobCommand, ListTrainingJobsCommand } from '@aws-sdk/client-sagemaker';
import { CreateAliasCommand, CreateKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { createTrainingActivities } from '../../activities/training/index.js';
import type { StartTrainingInput, TrainingActivities } from '../../contracts/activities.js';
import { awsClients } from '../support/aws.js';
import { failureOf, REGION, runActivity, SageMakerWorld, untilDone } from './support/local-sagemaker.js';

let world: SageMakerWorld;
let activities: TrainingActivities;
let kms: KMSClient;
beforeAll(async () => {
  world = await SageMakerWorld.make();
  kms = awsClients(inject('aws').endpoint).kms;
  activities = createTrainingActivities({ sagemaker: world.sagemaker, kms, region: REGION });
});
afterEach(() => world.clearRules());
afterAll(() => world.close());

const rows = Array.from({ length: 60 }, (_, index) => `${index * 2},${index},${index % 7}`).join('\n');

async function input(others: Partial<StartTrainingInput> = {}): Promise<StartTrainingInput> {
  const channels = [await world.channel({ '2026-01-02.csv': rows, '2026-01-01.csv': rows })];
  return { ref: world.nextRef(), definition: world.definition(), attempt: 0, channels, ...others };
}

describe('training on the local SageMaker', () => {
  it('trains for real, and reports artefact and metrics', async () => {
    const start = await input();
    const { trainingJob } = await runActivity(activities.startTraining, start);
    const ended = await untilDone(activities.awaitTrainingJob, { ref: start.ref, trainingJob, poll: '60s' });
    expect(ended.artifactUri).toBe(
      `s3://${world.bucket}/models/${world.model}/artifacts/${trainingJob}/output/model.tar.gz`,
    );
    expect(ended.metrics.length).toBeGreaterThan(0);
  });

  it('starts one job however often it is run', async () => {
    await world.rule({ kind: 'training-job', action: 'complete' });
    const start = await input();
    const first = await runActivity(activities.startTraining, start);
    const second = await runActivity(activities.startTraining, start);
    expect(first).toMatchObject({ attached: false, instanceType: 'ml.m5.large', warnings: [] });
    expect(second).toEqual({ ...first, attached: true });
    const { TrainingJobSummaries } = await world.sagemaker.send(
      new ListTrainingJobsCommand({ NameContains: first.trainingJob }),
    );
    expect(TrainingJobSummaries).toHaveLength(1);
  });

  it('names the key of the volume by its ARN where the definition has an alias', async () => {
    await world.rule({ kind: 'training-job', action: 'complete' });
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const alias = `alias/volume-${Date.now()}`;
    await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: KeyMetadata?.KeyId }));
    const start = await input({ definition: world.definition({ encryption: { key: alias } }) });
    const { trainingJob } = await runActivity(activities.startTraining, start);
    expect((await runActivity(activities.startTraining, start)).attached).toBe(true);
    const job = await world.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: trainingJob }));
    expect(job.ResourceConfig?.VolumeKmsKeyId).toBe(KeyMetadata?.Arn);

    const unknown = { ...(await input()), definition: world.definition({ encryption: { key: 'alias/nobody' } }) };
    const failure = await failureOf(runActivity(activities.startTraining, unknown));
    expect(failure.message).toContain('alias/nobody');
    expect(['KeyUnusable', 'ResourceMissing']).toContain(failure.type);
  });

  it('refuses to attach to a job of its name that was asked to be something else', async () => {
    await world.rule({ kind: 'training-job', action: 'complete' });
    const start = await input();
    await runActivity(activities.startTraining, start);
    const other = { ...start, definition: world.definition({ training: { image: 'linear-learner:2' } }) };
    expect((await failureOf(runActivity(activities.startTraining, other))).type).toBe('NameConflict');
  });

  it('answers at the first look where the job is done at once', async () => {
    await world.rule({ kind: 'training-job', action: 'complete' });
    const start = await input();
    const { trainingJob } = await runActivity(activities.startTraining, start);
    const ended = await runActivity(activities.awaitTrainingJob, { ref: start.ref, trainingJob, poll: '60s' });
    expect(ended.trainingJob).toBe(trainingJob);
  });

  it('reports the reason of a failed job', async () => {
    await world.rule({ kind: 'training-job', action: 'fail', reason: 'AlgorithmError: no such column, exit code: 1' });
    const start = await input();
    const { trainingJob } = await runActivity(activities.startTraining, start);
    const failure = await failureOf(
      runActivity(activities.awaitTrainingJob, { ref: start.ref, trainingJob, poll: '60s' }),
    );
    expect(failure).toMatchObject({ type: 'TrainingFailed', nonRetryable: true });
    expect(failure.message).toContain('no such column');
  });

  it('sees many jobs end through listings', async () => {
    await world.rule({ kind: 'training-job', action: 'slow', delayMs: 400 });
    const starts = await Promise.all(Array.from({ length: 3 }, () => input()));
    const jobs = await Promise.all(starts.map((start) => runActivity(activities.startTraining, start)));
    const ended = await Promise.all(
      jobs.map(({ trainingJob }, index) =>
        untilDone(activities.awaitTrainingJob, {
          ref: (starts[index] as StartTrainingInput).ref,
          trainingJob,
          poll: '1s',
        }),
      ),
    );
    expect(ended.map(({ trainingJob }) => trainingJob)).toEqual(jobs.map(({ trainingJob }) => trainingJob));
  });

  it('stops a job, and says so of one that was never there', async () => {
    await world.rule({ kind: 'training-job', action: 'slow', delayMs: 60_000 });
    const start = await input();
    const { trainingJob } = await runActivity(activities.startTraining, start);
    const stop = { ref: start.ref, trainingJob };
    expect(await untilDone(activities.stopTrainingJob, stop)).toEqual({ status: 'Stopped' });
    expect(await runActivity(activities.stopTrainingJob, stop)).toEqual({ status: 'Stopped' });
    const job = await world.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: trainingJob }));
    expect(job.TrainingJobStatus).toBe('Stopped');
    expect((await failureOf(runActivity(activities.awaitTrainingJob, { ...stop, poll: '60s' }))).type).toBe(
      'TrainingStopped',
    );
    const none = { ...stop, trainingJob: `${trainingJob}-none` };
    expect(await runActivity(activities.stopTrainingJob, none)).toEqual({ status: 'absent' });
  });
});
