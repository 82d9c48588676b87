import { PutBucketVersioningCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import {
  CreateEndpointConfigCommand,
  DescribeModelCommand,
  DescribeTransformJobCommand,
} from '@aws-sdk/client-sagemaker';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createEvaluationActivities } from '../../activities/evaluation/index.js';
import { deploymentName, predictionsPrefix } from '../../contracts/names.js';
import { EvaluationWorld, type Judged } from './support/evaluation-world.js';
import { failureOf, runActivity, untilDone } from './support/local-sagemaker.js';
import { Refusal, ScriptedSageMaker } from './support/scripted-sagemaker.js';

let world: EvaluationWorld;
let scripted: ScriptedSageMaker | undefined;
beforeAll(async () => {
  world = await EvaluationWorld.make();
});
afterEach(async () => {
  await world.world.clearRules();
  await scripted?.close();
  scripted = undefined;
});
afterAll(() => world.close());

const ref = { model: 'm', run: 'retrain/m/2026-01-01T00:00:00.000Z', runTime: '2026-01-01T00:00:00.000Z' };

/** awaitTransforms over two jobs, of which the second is in this state. */
async function waitFor(second: object) {
  scripted = await ScriptedSageMaker.start({
    DescribeTransformJob: ({ TransformJobName }) =>
      TransformJobName === 'one' ? { TransformJobName, TransformJobStatus: 'Completed' } : second,
  });
  const sagemaker = scripted.client();
  const { awaitTransforms } = createEvaluationActivities({ s3: world.world.s3, sagemaker });
  try {
    return await runActivity(awaitTransforms, { ref, transformJobs: ['one', 'two'], poll: '60s' });
  } finally {
    sagemaker.destroy();
  }
}

describe('awaitTransforms', () => {
  it('answers once all have completed', async () => {
    await expect(waitFor({ TransformJobStatus: 'Completed' })).resolves.toBeUndefined();
  });

  it.each(['InProgress', 'Stopping'])('waits while one is %s', async (TransformJobStatus) => {
    expect(await failureOf(waitFor({ TransformJobStatus }))).toMatchObject({
      type: 'InProgress',
      nonRetryable: false,
      message: `two: ${TransformJobStatus}`,
    });
  });

  it('fails with what SageMaker says, without the object it speaks of, and says where the log is', async () => {
    const FailureReason = 'ClientError: See job logs. s3://bucket/data/m/train/2026-01-01.csv: bad row';
    const failure = await failureOf(waitFor({ TransformJobStatus: 'Failed', FailureReason }));
    expect(failure).toMatchObject({ type: 'TransformFailed', nonRetryable: true });
    expect(failure.message).toMatch(
      /two failed: ClientError: See job logs\. s3:\/\/…: bad row.*\/aws\/sagemaker\/TransformJobs/,
    );
  });

  it.each([
    ['Stopped', 'TransformStopped'],
    ['Sleeping', 'UnknownStatus'],
  ])('fails for %s with %s', async (TransformJobStatus, type) => {
    expect(await failureOf(waitFor({ TransformJobStatus }))).toMatchObject({ type, nonRetryable: true });
  });

  it('asks again later where it asks too often', async () => {
    const failure = await failureOf(waitFor(new Refusal('ThrottlingException', 'Rate exceeded')));
    expect(failure).toMatchObject({ type: 'Throttled', nonRetryable: false });
    expect(Number(failure.nextRetryDelay)).toBeGreaterThanOrEqual(1_000);
  });

  it('says which job is gone', async () => {
    const failure = await failureOf(
      waitFor(new Refusal('ValidationException', 'Could not find requested job with name: two')),
    );
    expect(failure).toMatchObject({
      type: 'ResourceMissing',
      message: expect.stringContaining('transform job two') as unknown,
    });
  });
});

describe('forgetEvaluation', () => {
  const judgedOn = async (name: string, evaluation: object = {}): Promise<Judged> => {
    await world.upload(name, { '2026-01-09.csv': '1,1\n', '2026-01-10.csv': '2,2\n' });
    return world.trained(world.definition(name, { evaluation: { metric: 'rmse', holdout: 'P1D', ...evaluation } }));
  };
  const forget = ({ ref: run, definition }: Judged, keepModel = false) =>
    untilDone(world.activities.forgetEvaluation, { ref: run, definition, keepModel });
  const folder = ({ ref: run, definition }: Judged) => predictionsPrefix(definition.data.output, run.runTime);
  const nameOf = ({ ref: run }: Judged) => deploymentName(run.model, run.runTime);
  const describeModel = (judged: Judged) =>
    world.world.sagemaker.send(new DescribeModelCommand({ ModelName: nameOf(judged) }));
  /** A run whose jobs have ended, with one prediction. */
  const evaluated = async (name: string, evaluation: object = {}): Promise<Judged> => {
    await world.world.rule({ match: name, kind: 'transform-job', action: 'complete' });
    const judged = await judgedOn(name, evaluation);
    await world.start(judged);
    await world.world.put(`${folder(judged)}candidate/2026-01-10.csv.out`, '2,2\n');
    return judged;
  };

  it('is safe before anything was made', async () => {
    expect(await forget(await judgedOn('forget-nothing'))).toEqual({ removed: 0, warnings: [] });
  });

  it('removes the predictions, old versions of them too, and the candidate, and may be repeated', async () => {
    const { s3, bucket } = world.world;
    await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const judged = await evaluated('forget-all');
    await s3.send(
      new PutObjectCommand({ Bucket: bucket, Key: `${folder(judged)}candidate/2026-01-10.csv.out`, Body: 'x' }),
    );
    expect(await forget(judged)).toEqual({ removed: 3, warnings: [] });
    expect(await world.keys(folder(judged))).toEqual([]);
    await expect(describeModel(judged)).rejects.toThrow('Could not find model');
    expect(await forget(judged)).toEqual({ removed: 0, warnings: [] });
  });

  it('keeps the model that is deployed, and one that a config serves', async () => {
    const judged = await evaluated('forget-kept');
    expect(await forget(judged, true)).toMatchObject({ removed: 1 });
    await world.world.sagemaker.send(
      new CreateEndpointConfigCommand({
        EndpointConfigName: 'forget-kept-by-hand',
        ProductionVariants: [
          { VariantName: 'a', ModelName: nameOf(judged), InstanceType: 'ml.m5.large', InitialInstanceCount: 1 },
        ],
      }),
    );
    expect(await forget(judged)).toEqual({ removed: 0, warnings: [] });
    await expect(describeModel(judged)).resolves.toMatchObject({ ModelName: nameOf(judged) });
  });

  it('keeps everything where the definition says so, but for jobs that run', async () => {
    const judged = await judgedOn('forget-keep', { keep: true });
    await world.world.rule({ match: 'forget-keep', kind: 'transform-job', action: 'slow', delayMs: 600_000 });
    const { transformJob } = await runActivity(world.activities.startEvaluation, judged);
    await world.world.put(`${folder(judged)}candidate/2026-01-10.csv.out`, '2,2\n');
    expect(await forget(judged)).toEqual({ removed: 0, warnings: [] });
    const TransformJobName = transformJob;
    const job = await world.world.sagemaker.send(new DescribeTransformJobCommand({ TransformJobName }));
    expect(job.TransformJobStatus).toBe('Stopped');
    expect(await world.keys(folder(judged))).toHaveLength(1);
    await expect(describeModel(judged)).resolves.toBeDefined();
  });

  it('warns of what it may not remove', async () => {
    const judged = await evaluated('forget-refused');
    scripted = await ScriptedSageMaker.start({
      ListTransformJobs: { TransformJobSummaries: [] },
      DescribeModel: new Refusal('AccessDeniedException', 'not authorized to perform: sagemaker:DescribeModel'),
    });
    const sagemaker = scripted.client();
    const { forgetEvaluation } = createEvaluationActivities({ s3: world.world.s3, sagemaker });
    const { removed, warnings } = await runActivity(forgetEvaluation, { ...judged, keepModel: false });
    sagemaker.destroy();
    expect(removed).toBe(1);
    expect(warnings).toEqual([
      expect.stringMatching(/^model forget-refused-\w+ could not be removed: .*sagemaker:DescribeModel/),
    ]);
  });
});
