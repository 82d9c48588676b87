import { KMSClient } from '@aws-sdk/client-kms';
import { afterEach, describe, expect, it } from 'vitest';
import type { DigestOf } from '../../activities/training/digest/index.js';
import { createTrainingActivities } from '../../activities/training/index.js';
import { failureOf, runActivity } from './support/local-sagemaker.js';
import { Refusal, ScriptedSageMaker } from './support/scripted-sagemaker.js';
import { exampleDefinition } from '../support/definitions.js';

const ref = { model: 'example', run: 'retrain/example/2026-11-21T09:00:00.000Z', runTime: '2026-11-21T09:00:00.000Z' };
const trainingJob = 'example-20261121T090000000Z-1';
const ARN = `arn:aws:sagemaker:us-east-1:000000000000:training-job/${trainingJob}`;
const missing = new Refusal('ValidationException', 'Requested resource not found.');
const IN_USE = new Refusal('ResourceInUse', 'Training job names must be unique within an AWS account and region.');

let server: ScriptedSageMaker | undefined;
afterEach(() => server?.close());

async function activities(scripts: Parameters<typeof ScriptedSageMaker.start>[0], digestOf?: DigestOf) {
  server = await ScriptedSageMaker.start(scripts);
  return createTrainingActivities({
    digestOf,
    sagemaker: server.client(),
    kms: new KMSClient({ region: 'us-east-1' }),
    region: 'us-east-1',
  });
}

const start = {
  ref,
  definition: exampleDefinition(),
  attempt: 0,
  channels: [{ name: 'train', manifestUri: 's3://b/m', files: 1 }],
};

describe('starting', () => {
  it('attaches to the job that its own lost request made', async () => {
    let spec = '';
    const { startTraining } = await activities({
      CreateTrainingJob: (input) => {
        spec =
          (input as { Tags: { Key: string; Value: string }[] }).Tags.find(({ Key }) => Key === 'perennial:spec')
            ?.Value ?? '';
        return IN_USE;
      },
      DescribeTrainingJob: { TrainingJobArn: ARN, TrainingJobStatus: 'InProgress' },
      ListTags: (input) => {
        expect(input).toEqual({ ResourceArn: ARN });
        return { Tags: [{ Key: 'perennial:spec', Value: spec }] };
      },
    });
    expect(await runActivity(startTraining, start)).toMatchObject({ trainingJob, attached: true });
  });

  const imageDigest = `sha256:${'ab'.repeat(32)}`;
  const tagsOf = (input: unknown) => (input as { Tags: { Key: string; Value: string }[] }).Tags;

  it('says which image the job is made with, and the job carries it', async () => {
    const asked: string[] = [];
    const { startTraining } = await activities({ CreateTrainingJob: { TrainingJobArn: ARN } }, async (image) => {
      asked.push(image);
      return { imageDigest };
    });
    const started = await runActivity(startTraining, start);
    expect(started).toMatchObject({ attached: false, imageDigest });
    expect(asked).toEqual([started.image]);
    expect(tagsOf(server?.inputs('CreateTrainingJob')[0])).toContainEqual({
      Key: 'perennial:image-digest',
      Value: imageDigest,
    });
  });

  it('starts the job all the same where that cannot be had', async () => {
    const missing = { imageDigestMissing: 'ghcr.io did not answer within 4 s' };
    const { startTraining } = await activities({ CreateTrainingJob: { TrainingJobArn: ARN } }, async () => missing);
    expect(await runActivity(startTraining, start)).toMatchObject({ trainingJob, attached: false, ...missing });
    expect(tagsOf(server?.inputs('CreateTrainingJob')[0]).map(({ Key }) => Key)).not.toContain(
      'perennial:image-digest',
    );
  });

  it('attached, answers with the image that the job was made with, though its tag has moved since', async () => {
    let made: { Key: string; Value: string }[] = [];
    const scripts = {
      CreateTrainingJob: (input: unknown) => {
        made = tagsOf(input);
        return IN_USE;
      },
      DescribeTrainingJob: { TrainingJobArn: ARN },
      ListTags: () => ({
        Tags: made.map((tag) => (tag.Key === 'perennial:image-digest' ? { ...tag, Value: 'old' } : tag)),
      }),
    };
    const { startTraining } = await activities(scripts, async () => ({ imageDigest }));
    expect(await runActivity(startTraining, start)).toMatchObject({ attached: true, imageDigest: 'old' });
    await server?.close();
    const late = await activities(scripts, async () => ({ imageDigestMissing: 'late' }));
    expect(await runActivity(late.startTraining, start)).toMatchObject({
      attached: true,
      imageDigestMissing: 'it was not known when the training job was made',
    });
  });

  it.each([
    ['another spec', { Tags: [{ Key: 'perennial:spec', Value: 'other' }] }],
    ['no tags', {}],
  ])('refuses a job of its name with %s', async (_what, tags) => {
    const { startTraining } = await activities({
      CreateTrainingJob: IN_USE,
      DescribeTrainingJob: { TrainingJobArn: ARN },
      ListTags: tags,
    });
    const failure = await failureOf(runActivity(startTraining, start));
    expect(failure).toMatchObject({ type: 'NameConflict', nonRetryable: true });
    expect(failure.message).toContain(trainingJob);
  });

  it.each([
    ['CapacityError', 'NoCapacity'],
    ['ResourceLimitExceeded', 'QuotaExceeded'],
    ['AccessDeniedException', 'AccessDenied'],
  ])('%s is %s, and names the job, the type and the region', async (code, type) => {
    const { startTraining } = await activities({ CreateTrainingJob: new Refusal(code, 'said SageMaker') });
    const failure = await failureOf(runActivity(startTraining, start));
    expect(failure.type).toBe(type);
    expect(failure.message).toMatch(/example-20261121T090000000Z-1 \(ml\.m5\.large in us-east-1\).*said SageMaker/);
  });
});

describe('a role that SageMaker refuses', () => {
  const refused = new Refusal('ValidationException', 'Could not assume role arn:aws:iam::000000000000:role/sagemaker.');

  it.each([
    [1_000, 'RolePropagating', false],
    [180_000, 'AccessDenied', true],
  ])('after %i ms is %s', async (elapsed, type, nonRetryable) => {
    const { startTraining } = await activities({ CreateTrainingJob: refused });
    const info = { scheduledTimestampMs: Date.now() - elapsed, attempt: 9 };
    const failure = await failureOf(runActivity(startTraining, start, info));
    expect(failure).toMatchObject({ type, nonRetryable });
    expect(failure.message).toContain('trust sagemaker.amazonaws.com');
  });
});

describe('stopping', () => {
  const input = { ref, trainingJob };
  const refused = new Refusal(
    'ValidationException',
    'The request was rejected because the training job is in status Completed.',
  );

  it.each([
    ['a job that has ended', refused, { TrainingJobStatus: 'Completed' }, 'Completed'],
    ['a job that is absent', missing, missing, 'absent'],
    ['a job that stops at once', {}, { TrainingJobStatus: 'Stopped' }, 'Stopped'],
  ])('%s', async (_what, stop, describe, status) => {
    const { stopTrainingJob } = await activities({ StopTrainingJob: stop, DescribeTrainingJob: describe });
    expect(await runActivity(stopTrainingJob, input)).toEqual({ status });
  });

  it('asks once, then waits until it has stopped', async () => {
    const { stopTrainingJob } = await activities({
      StopTrainingJob: {},
      DescribeTrainingJob: (_input, call) => ({ TrainingJobStatus: call < 3 ? 'Stopping' : 'Stopped' }),
    });
    expect((await failureOf(runActivity(stopTrainingJob, input))).type).toBe('InProgress');
    expect(await runActivity(stopTrainingJob, input, { attempt: 2 })).toEqual({ status: 'Stopped' });
    expect(server?.count('StopTrainingJob')).toBe(1);
  });

  it('asks again if the job runs on', async () => {
    const { stopTrainingJob } = await activities({
      StopTrainingJob: {},
      DescribeTrainingJob: { TrainingJobStatus: 'InProgress' },
    });
    const failure = await failureOf(runActivity(stopTrainingJob, input, { attempt: 2 }));
    expect(failure).toMatchObject({ type: 'InProgress', message: 'InProgress: asked to stop' });
    expect(server?.count('StopTrainingJob')).toBe(1);
  });

  it('takes no unknown status for an end', async () => {
    const { stopTrainingJob } = await activities({
      StopTrainingJob: {},
      DescribeTrainingJob: { TrainingJobStatus: 'Hibernating' },
    });
    expect((await failureOf(runActivity(stopTrainingJob, input))).type).toBe('UnknownStatus');
  });
});
