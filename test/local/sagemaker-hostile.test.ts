import { request } from 'node:http';
import {
  AddTagsCommand,
  CreateEndpointCommand,
  CreateModelCommand,
  CreateTrainingJobCommand,
  DeleteEndpointCommand,
  DeleteTagsCommand,
  UpdateEndpointCommand,
  type Tag,
} from '@aws-sdk/client-sagemaker';
import { InvokeEndpointCommand, SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startFixture, trainingRequest, type Fixture } from './fixtures/sagemaker.js';
import { Harness } from './fixtures-serve/harness.js';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** Sends a request whose path no URL library would let through; resolves to its status and text. */
function raw(path: string, body: string, method = 'POST', headers = {}): Promise<{ status: number; text: string }> {
  const { port } = new URL(fixture.server.url);
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers }, (res) => {
      let text = '';
      res.on('data', (chunk: Buffer) => (text += chunk.toString()));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const create = (name: string, Tags?: Tag[]) =>
  fixture.client.send(new CreateTrainingJobCommand(trainingRequest(fixture, name, {}, Tags && { Tags })));

describe('a request that makes no sense', () => {
  const target = { 'x-amz-target': 'SageMaker.DescribeModel' };
  it.each<[string, string, string, number, string, object?]>([
    ['a malformed escape in an endpoint', '/endpoints/%zz/invocations', 'x', 400, "Value '%zz' at 'endpointName'"],
    ['an escape that is no UTF-8', '/endpoints/%ff/invocations', 'x', 400, "Value '%ff' at 'endpointName'"],
    ['an endpoint no name can be', '/endpoints/a%2F..%2Fb/invocations', 'x', 400, "Value 'a/../b' at 'endpointName'"],
    ['a malformed escape in a control', '/_local/training-jobs/%zz/complete', '', 400, 'Requested resource not found'],
    ['two slashes', '//', '', 404, 'UnknownOperationException'],
    ['an operation of Object', '/', '{}', 400, 'UnknownOperationException', { 'x-amz-target': 'SageMaker.toString' }],
    ['no target', '/', '{}', 400, 'UnknownOperationException'],
    ['a list', '/', '[]', 400, 'SerializationException', target],
    ['null', '/', 'null', 400, 'SerializationException', target],
    ['a name that is a number', '/', '{"ModelName":1}', 400, 'SerializationException', target],
    ['a body without end', '/', '{"ModelName":', 400, 'SerializationException', target],
    ['brackets to no end', '/', '['.repeat(1_000_000), 400, 'SerializationException', target],
    ['a body that is too large', '/', ' '.repeat(9_000_000), 413, 'RequestEntityTooLarge', target],
    ['a rule that is too large', '/_local/rules', ' '.repeat(9_000_000), 413, 'RequestEntityTooLarge'],
    ['a rule that is a list', '/_local/rules', '[]', 400, 'SerializationException'],
  ])('%s is refused', async (_, path, body, status, text, headers) => {
    const answer = await raw(path, body, 'POST', headers);
    expect(answer).toMatchObject({ status, text: expect.stringContaining(text) as string });
  });

  it('is refused for nesting that no request has, wherever it is', async () => {
    const deep = '{"a":'.repeat(20_000) + '1' + '}'.repeat(20_000);
    const body = JSON.stringify(trainingRequest(fixture, 'deep'));
    const answer = await raw('/', `${body.slice(0, -1)},"Unknown":${deep}}`, 'POST', {
      'x-amz-target': 'SageMaker.CreateTrainingJob',
    });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('SerializationException');
    expect((await fetch(`${fixture.server.url}/_local/health`)).status).toBe(200);
  });
});

describe('the unmodified runtime client', () => {
  it('gets the error of the API for a name that no endpoint can have', async () => {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const client = new SageMakerRuntimeClient({ endpoint: fixture.server.url, region: 'us-east-1', credentials });
    const invoke = client.send(new InvokeEndpointCommand({ EndpointName: '%zz', Body: 'x' }));
    await expect(invoke).rejects.toMatchObject({ name: 'ValidationError', $metadata: { httpStatusCode: 400 } });
    client.destroy();
  });
});

describe('tags', () => {
  const twice = [
    { Key: 'a', Value: '1' },
    { Key: 'a', Value: '2' },
  ];
  const reserved = [{ Key: 'AWS:cloudformation:stack-name', Value: 'x' }];
  const refusal = (message: string) => ({ name: 'ValidationException', message });
  const RESERVED = refusal("System prefix 'aws:' reserved for AWS usage in tag key: AWS:cloudformation:stack-name");
  const TWICE = refusal('Duplicate tag keys are not allowed in a request: a');

  it('that AWS reserves, or that come twice, are refused by Create, and nothing is made', async () => {
    await expect(create('tagged', reserved)).rejects.toMatchObject(RESERVED);
    await expect(create('tagged', twice)).rejects.toMatchObject(TWICE);
    const model = new CreateModelCommand({ ModelName: 'm', PrimaryContainer: { Image: 'probe' }, Tags: reserved });
    await expect(fixture.client.send(model)).rejects.toMatchObject(RESERVED);
    const missing = await raw('/', '{"ModelName":"m"}', 'POST', { 'x-amz-target': 'SageMaker.DescribeModel' });
    expect(missing.text).toContain('Could not find model');
  });

  it('are refused by AddTags and DeleteTags as well', async () => {
    const { TrainingJobArn: ResourceArn } = await create('tagged', [{ Key: 'case', Value: '' }]);
    const add = (Tags: Tag[]) => fixture.client.send(new AddTagsCommand({ ResourceArn, Tags }));
    await expect(add(reserved)).rejects.toMatchObject(RESERVED);
    await expect(add(twice)).rejects.toMatchObject(TWICE);
    // Keys are told apart by their case, and the prefix counts only as one.
    const { Tags } = await add([
      { Key: 'Case', Value: '' },
      { Key: 'laws:x', Value: 'aws:x' },
    ]);
    expect(Tags).toHaveLength(3);
    const TagKeys = ['AWS:cloudformation:stack-name'];
    await expect(fixture.client.send(new DeleteTagsCommand({ ResourceArn, TagKeys }))).rejects.toMatchObject(RESERVED);
    await fixture.job('tagged');
  });
});

describe('many requests at once', () => {
  it('for one training job: one is made, the others are told so', async () => {
    await fixture.put('crowd/train.csv', '1,2');
    const S3DataSource = { S3DataType: 'S3Prefix' as const, S3Uri: `s3://${fixture.bucket}/crowd` };
    const InputDataConfig = [{ ChannelName: 'train', DataSource: { S3DataSource } }];
    const command = new CreateTrainingJobCommand(trainingRequest(fixture, 'crowd', {}, { InputDataConfig }));
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => fixture.client.send(command)));
    const refused = outcomes.flatMap((each) => (each.status === 'rejected' ? [(each.reason as Error).name] : []));
    expect(refused).toEqual(Array.from({ length: 19 }, () => 'ResourceInUse'));
    expect(await fixture.job('crowd')).toMatchObject({ TrainingJobStatus: 'Completed' });
  });

  it('for one endpoint: one creation, then one change, wins', async () => {
    const harness = await new Harness(inject('aws').endpoint).start();
    try {
      await harness.config('a');
      await harness.config('b');
      const name = { EndpointName: 'one' };
      const all = <T>(send: () => Promise<T>) => Promise.allSettled(Array.from({ length: 10 }, send));
      const won = (outcomes: PromiseSettledResult<unknown>[]) =>
        outcomes.filter(({ status }) => status === 'fulfilled').length;
      const creations = await all(() =>
        harness.control.send(new CreateEndpointCommand({ ...name, EndpointConfigName: 'a' })),
      );
      expect(won(creations)).toBe(1);
      await harness.settled('one');
      const changes = await Promise.all([
        all(() => harness.control.send(new UpdateEndpointCommand({ ...name, EndpointConfigName: 'b' }))),
        all(() => harness.control.send(new DeleteEndpointCommand(name))),
      ]);
      expect(won(changes.flat())).toBe(1);
      const gone = await harness.settled('one').catch((error: Error) => error.message);
      const deleted = won(changes[1]) === 1;
      expect(gone).toEqual(
        deleted ? expect.stringContaining('Could not find') : expect.objectContaining({ EndpointConfigName: 'b' }),
      );
    } finally {
      await harness.close();
    }
  });
});
