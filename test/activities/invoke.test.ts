import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { createEndpointActivities } from '../../activities/endpoint/index.js';
import { withoutValues } from '../../activities/invoke.js';
import type { DeployInput, EndpointActivities } from '../../contracts/activities.js';
import { awsClients } from '../support/aws.js';
import { failureOf, REGION, runActivity, SageMakerWorld } from './support/local-sagemaker.js';
import { Refusal, ScriptedSageMaker } from './support/scripted-sagemaker.js';

let world: SageMakerWorld;
let activities: EndpointActivities;
let endpoint: string;
let manifestUri: string;
beforeAll(async () => {
  world = await SageMakerWorld.make();
  const { sagemaker, sagemakerRuntime, s3 } = world;
  activities = createEndpointActivities({ sagemaker, sagemakerRuntime, s3, region: REGION });
  await world.put('model.tar.gz', 'never unpacked: a control rule brings this endpoint up');
  await world.rule({ kind: 'endpoint', action: 'complete' });
  const deploy: DeployInput = {
    ref: world.nextRef(),
    definition: world.definition(),
    image: '382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1',
    artifactUri: `s3://${world.bucket}/model.tar.gz`,
    trainingJob: 'x',
  };
  ({ endpoint } = await runActivity(activities.startDeployment, deploy));
  ({ manifestUri } = await world.channel({
    '2026-01-02.csv': '2.5,11,12\n2.6,13,14\n',
    '2026-01-03.csv': '"3,5",21,22\r\n3.6,23,24\r\n',
    '2026-01-01.csv': '1.5,1,2\n',
  }));
});
afterAll(() => world.close());

let scripted: ScriptedSageMaker | undefined;
afterEach(async () => {
  await scripted?.close();
  scripted = undefined;
});

/** The same activities, with a runtime whose answers the test names. */
async function withRuntime(answer: Parameters<typeof ScriptedSageMaker.start>[0][string]): Promise<EndpointActivities> {
  scripted = await ScriptedSageMaker.start({ InvokeEndpoint: answer });
  const { sagemaker, s3 } = world;
  return createEndpointActivities({ sagemaker, sagemakerRuntime: scripted.runtime(), s3, region: REGION });
}

const modelError = (status: number, words: string) =>
  new Refusal('ModelError', `Received server error (${status}) from primary with message "${words}"`, 424, {
    OriginalStatusCode: status,
    OriginalMessage: words,
  });
const smoke = (section: object = {}) => ({
  ref: world.nextRef(),
  definition: world.definition({ endpoint: section }),
  manifestUri,
  endpoint,
});

describe('smoke test', () => {
  it('gets an answer from the live endpoint', async () => {
    const { latencyMs } = await runActivity(activities.smokeTest, smoke());
    expect(latencyMs).toBeGreaterThanOrEqual(0);
  });

  it("sends the newest object's first row without its label", async () => {
    const { smokeTest } = await withRuntime({ Body: '1' });
    await runActivity(smokeTest, smoke());
    expect(scripted?.inputs('InvokeEndpoint')).toEqual([{ Body: '21,22\n' }]);
  });

  it('sends what the definition says instead', async () => {
    const { smokeTest } = await withRuntime({ Body: '1' });
    await runActivity(smokeTest, smoke({ smokeTest: { contentType: 'application/json', body: '{"x":1}' } }));
    expect(scripted?.inputs('InvokeEndpoint')).toEqual([{ Body: '{"x":1}' }]);
  });

  it("fails with the model's words, but none of the row's values", async () => {
    const { smokeTest } = await withRuntime(modelError(500, 'expected 7 features, got 21.0 in [21, 22]'));
    const failure = await failureOf(runActivity(smokeTest, smoke()));
    expect(failure).toMatchObject({ type: 'SmokeTestFailed', nonRetryable: true });
    expect(failure.message).toContain('HTTP 500: expected 7 features, got … in […, …]');
    expect(failure.cause).toBeUndefined();
  });

  it("keeps the newest object's key out of its failures", async () => {
    const key = `data/${world.model}/train/2026-02-01.csv`;
    const manifest = [{ prefix: `s3://${world.bucket}/data/${world.model}/train/` }, '2026-02-01.csv'];
    await world.put('runs/other.manifest', JSON.stringify(manifest));
    const input = { ...smoke(), manifestUri: `s3://${world.bucket}/runs/other.manifest` };
    const gone = await failureOf(runActivity(activities.smokeTest, input));
    await world.put(key, 'no row');
    const bad = await failureOf(runActivity(activities.smokeTest, input));
    expect([gone.type, bad.type]).toEqual(['ResourceMissing', 'DataInvalid']);
    for (const { message, cause } of [gone, bad]) {
      expect(message).toContain('runs/other.manifest');
      expect(`${message} ${cause?.stack}`).not.toContain(key);
    }
  });

  it('fails on an empty answer', async () => {
    const { smokeTest } = await withRuntime({ Body: '' });
    const failure = await failureOf(runActivity(smokeTest, smoke()));
    expect(failure.type).toBe('SmokeTestFailed');
    expect(failure.message).toContain('its answer was empty');
  });

  it('tries again for a moment right after the endpoint came up', async () => {
    const notFound = new Refusal('ValidationError', 'Endpoint x of account 000000000000 not found.');
    const { smokeTest } = await withRuntime((_input, call) => (call < 3 ? notFound : { Body: '1' }));
    await runActivity(smokeTest, smoke());
    expect(scripted?.count('InvokeEndpoint')).toBe(3);
  });

  it('takes no page for an answer of the model', async () => {
    const { smokeTest } = await withRuntime({ Body: '<html>It works!</html>', foreign: true });
    const failure = await failureOf(runActivity(smokeTest, smoke()));
    expect(failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    expect(failure.message).toContain('names no production variant');
  });

  it('says what to do where no request can be made from the data', async () => {
    const parquet = { ...smoke(), definition: world.definition({ data: { contentType: 'application/x-parquet' } }) };
    const failure = await failureOf(runActivity(activities.smokeTest, parquet));
    expect(failure.type).toBe('DefinitionInvalid');
    expect(failure.message).toMatch(/give endpoint\.smokeTest a body/);

    await world.put('runs/empty.manifest', '[{"prefix":"s3://x/"}]');
    const empty = { ...smoke(), manifestUri: `s3://${world.bucket}/runs/empty.manifest` };
    expect((await failureOf(runActivity(activities.smokeTest, empty))).type).toBe('DataInvalid');
    const none = { ...smoke(), manifestUri: `s3://${world.bucket}/runs/none.manifest` };
    expect((await failureOf(runActivity(activities.smokeTest, none))).type).toBe('ResourceMissing');
  });
});

describe('invoking through exchange objects', () => {
  const input = (others: object = {}) => ({
    definition: world.definition(),
    endpoint,
    inputUri: `s3://${world.bucket}/exchange/in.csv`,
    outputUri: `s3://${world.bucket}/exchange/out`,
    contentType: 'text/csv',
    ...others,
  });

  it('writes the answer, encrypted with the key of the definition', async () => {
    const { KeyMetadata } = await awsClients(inject('aws').endpoint).kms.send(new CreateKeyCommand({}));
    const key = KeyMetadata?.KeyId ?? '';
    await world.put('exchange/in.csv', '1,2\n3,4\n');
    const result = await runActivity(
      activities.invokeEndpoint,
      input({ definition: world.definition({ encryption: { key } }) }),
    );
    const where = { Bucket: world.bucket, Key: 'exchange/out' };
    const body = await (await world.s3.send(new GetObjectCommand(where))).Body?.transformToString();
    expect((JSON.parse(body ?? '') as { predictions: unknown[] }).predictions).toHaveLength(2);
    expect(result).toEqual({ status: 200, bytes: body?.length, variant: 'prod' });
    const head = await world.s3.send(new HeadObjectCommand(where));
    expect(head.ServerSideEncryption).toBe('aws:kms');
    expect(head.SSEKMSKeyId).toContain(key);
  });

  it('says that there are too many rows before it sends them', async () => {
    await world.put('exchange/in.csv', 'x'.repeat(6_291_457));
    const failure = await failureOf(runActivity(activities.invokeEndpoint, input()));
    expect(failure.type).toBe('InvalidRequest');
    expect(failure.message).toMatch(/at most 6291456 bytes.*fewer rows/);
  });

  it('says what the model refused, and retries only a model that is starting', async () => {
    await world.put('exchange/in.csv', '1,2\n');
    const bad = await withRuntime(modelError(400, 'bad row'));
    expect(await failureOf(runActivity(bad.invokeEndpoint, input()))).toMatchObject({ type: 'InvalidRequest' });
    await scripted?.close();
    const starting = await withRuntime(modelError(503, 'starting'));
    expect(await failureOf(runActivity(starting.invokeEndpoint, input()))).toMatchObject({
      type: 'ServiceUnavailable',
    });
  });

  it('knows an endpoint that is not there', async () => {
    await world.put('exchange/in.csv', '1,2\n');
    const failure = await failureOf(runActivity(activities.invokeEndpoint, input({ endpoint: 'none' })));
    expect(failure.type).toBe('ResourceMissing');
  });
});

describe("a model's words", () => {
  it.each([
    ["could not convert string to float: 'Anna'", 'could not convert string to float: …', 'Anna,3'],
    ['bad value 3.0 for key', 'bad value … for key', '3,4'],
    ['got 1.5e1.', 'got …', '15,2'],
    ['shape (7,) expected', 'shape (7,) expected', '1,2'],
  ])('%s', (words, clean, body) => {
    expect(withoutValues(words, body).replaceAll("'", '')).toBe(clean);
  });

  it('are cut', () => {
    expect(withoutValues('w'.repeat(1_000), 'x')).toHaveLength(301);
  });
});
