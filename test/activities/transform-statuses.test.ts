import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { createTransformActivities } from '../../activities/transforms/index.js';
import { exampleDefinition } from '../support/definitions.js';
import { failureOf, runActivity } from './support/local-sagemaker.js';
import { Refusal, ScriptedSageMaker } from './support/scripted-sagemaker.js';

const ref = { model: 'example', run: 'transform/example/x-2026', runTime: '2026-11-21T09:00:00.000Z' };
const job = { ref, transformJob: 'job', poll: '60s' };
const rejected = (status: string) =>
  new Refusal('ValidationException', `The request was rejected because the transform job is in status ${status}.`);

let server: ScriptedSageMaker | undefined;
afterEach(() => server?.close());

async function activities(scripts: Parameters<typeof ScriptedSageMaker.start>[0]) {
  server = await ScriptedSageMaker.start(scripts);
  return createTransformActivities({ s3: new S3Client(server.config), sagemaker: server.client() });
}

describe('a status', () => {
  it('that is not known is no success, and nothing that was stopped', async () => {
    const { awaitTransform, stopTransform } = await activities({
      DescribeTransformJob: { TransformJobStatus: 'Resting' },
      StopTransformJob: {},
    });
    expect(await failureOf(runActivity(awaitTransform, job))).toMatchObject({
      type: 'UnknownStatus',
      message: expect.stringContaining('Transform job job is in status "Resting"') as string,
    });
    expect(await failureOf(runActivity(stopTransform, job))).toMatchObject({ type: 'UnknownStatus' });
  });

  it.each([
    ['ClientError: s3://lake/rows/a:b c.csv: Bad HTTP status', /ClientError: s3:\/\/…: Bad HTTP status/],
    ['No objects under "s3://lake/rows/a:b/" found', /under "s3:\/\/…" found/],
    ['failed at s3://lake/rows/a:b.csv', /failed at s3:\/\/…\. Its log/],
  ])('that failed names no key of data: %s', async (FailureReason, words) => {
    const { awaitTransform } = await activities({
      DescribeTransformJob: { TransformJobStatus: 'Failed', FailureReason },
    });
    const failure = await failureOf(runActivity(awaitTransform, job));
    expect(failure.type).toBe('TransformFailed');
    expect(failure.message).toMatch(words);
    expect(failure.message).not.toContain('a:b');
  });

  it('of a job that ends while it is asked to stop is its end', async () => {
    const { stopTransform } = await activities({
      StopTransformJob: rejected('Completed'),
      DescribeTransformJob: { TransformJobStatus: 'Completed' },
    });
    expect(await runActivity(stopTransform, job)).toEqual({ status: 'Completed' });
  });

  it('of a failed job without a reason says so', async () => {
    const { awaitTransform } = await activities({ DescribeTransformJob: { TransformJobStatus: 'Failed' } });
    expect(await failureOf(runActivity(awaitTransform, job))).toMatchObject({
      type: 'TransformFailed',
      message: expect.stringContaining('SageMaker gave no reason') as string,
    });
  });

  it('is looked at again, no sooner than the next look, where SageMaker throttles', async () => {
    const { awaitTransform } = await activities({
      DescribeTransformJob: new Refusal('ThrottlingException', 'Rate exceeded'),
    });
    const failure = await failureOf(runActivity(awaitTransform, job));
    expect(failure).toMatchObject({ type: 'Throttled', nonRetryable: false });
    expect(Number(failure.nextRetryDelay)).toBeGreaterThanOrEqual(1_000);
  });
});

describe('the endpoint', () => {
  const definition = exampleDefinition();
  const config = (variants: object[]) => ({ EndpointConfigName: 'c', ProductionVariants: variants });
  const model = { ModelArn: 'arn:aws:sagemaker:us-east-1:000000000000:model/one' };
  const inService = { EndpointName: 'example', EndpointStatus: 'InService', EndpointConfigName: 'c' };

  it('of several variants serves the one of the definition; without it, none is guessed', async () => {
    const both = [
      { VariantName: 'prod', ModelName: 'one' },
      { VariantName: 'shadow', ModelName: 'two' },
    ];
    const found = await activities({
      DescribeEndpoint: { ...inService, EndpointStatus: 'Updating' },
      DescribeEndpointConfig: config(both),
      DescribeModel: model,
      ListTags: { Tags: [] },
    });
    expect(await runActivity(found.findLiveModel, { definition })).toMatchObject({ modelName: 'one' });
    await server?.close();
    const { findLiveModel } = await activities({
      DescribeEndpoint: inService,
      DescribeEndpointConfig: config(both.map((one) => ({ ...one, VariantName: `${one.VariantName}-1` }))),
    });
    expect(await failureOf(runActivity(findLiveModel, { definition }))).toMatchObject({
      type: 'InvalidRequest',
      message: expect.stringContaining('variants: prod-1, shadow-1') as string,
    });
  });

  it('in a status that is not known is no source of a model', async () => {
    const { findLiveModel } = await activities({ DescribeEndpoint: { ...inService, EndpointStatus: 'Dreaming' } });
    expect(await failureOf(runActivity(findLiveModel, { definition }))).toMatchObject({ type: 'UnknownStatus' });
  });
});
