import { CloudWatchLogsClient, DescribeLogStreamsCommand, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateModelCommand,
  CreateTransformJobCommand,
  DescribeTransformJobCommand,
  type CreateTransformJobCommandInput,
} from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROLE, startFixture, until, type Fixture } from './fixtures/sagemaker.js';

const CSV = 'text/csv';
let fixture: Fixture;
let logs: CloudWatchLogsClient;

beforeAll(async () => {
  fixture = await startFixture();
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  logs = new CloudWatchLogsClient({ endpoint: fixture.server.url, region: 'us-east-1', credentials });
  const PrimaryContainer = { Image: 'probe' };
  await fixture.client.send(new CreateModelCommand({ ModelName: 'probe', ExecutionRoleArn: ROLE, PrimaryContainer }));
});
afterAll(async () => {
  logs.destroy();
  await fixture[Symbol.asyncDispose]();
});

type Request = CreateTransformJobCommandInput;
type Form = { type?: string; split?: 'Line' | 'None'; assemble?: 'Line' | 'None' };

const begin = (
  name: string,
  more: Partial<Request> = {},
  { type = CSV, split = 'Line', assemble = 'Line' }: Form = {},
) =>
  fixture.client.send(
    new CreateTransformJobCommand({
      TransformJobName: name,
      ModelName: 'probe',
      TransformInput: {
        DataSource: { S3DataSource: { S3DataType: 'S3Prefix', S3Uri: `s3://${fixture.bucket}/${name}/` } },
        ContentType: type,
        SplitType: split,
      },
      TransformOutput: { S3OutputPath: `s3://${fixture.bucket}/out/${name}`, AssembleWith: assemble, Accept: type },
      TransformResources: { InstanceType: 'ml.m5.large', InstanceCount: 1 },
      ...more,
    }),
  );

const end = (name: string) =>
  until(async () => {
    const job = await fixture.client.send(new DescribeTransformJobCommand({ TransformJobName: name }));
    return ['Completed', 'Failed', 'Stopped'].includes(String(job.TransformJobStatus)) ? job : undefined;
  }, `transform job ${name}`);

async function run(name: string, input: string, more: Partial<Request> = {}, form: Form = {}) {
  await fixture.put(`${name}/in`, input);
  await begin(name, more, form);
  const job = await end(name);
  expect(job.FailureReason).toBeUndefined();
  return fixture.text(`out/${name}/in.out`);
}

/** What CloudWatch Logs has of a job's stream. */
async function logOf(job: string, suffix: string): Promise<string[]> {
  const logGroupName = '/aws/sagemaker/TransformJobs';
  const { logStreams = [] } = await logs.send(
    new DescribeLogStreamsCommand({ logGroupName, logStreamNamePrefix: `${job}/` }),
  );
  const logStreamName = logStreams.find((stream) => stream.logStreamName?.endsWith(suffix))?.logStreamName;
  const { events = [] } = await logs.send(new GetLogEventsCommand({ logGroupName, logStreamName }));
  return events.map(({ message }) => String(message));
}

describe('how records are put into requests', () => {
  const PARAMETERS = JSON.stringify({ MaxConcurrentTransforms: 2, MaxPayloadInMB: 1, BatchStrategy: 'SINGLE_RECORD' });

  it('is told by the request, else by the program, else by the defaults', async () => {
    const Environment = { MODE: 'batches' };
    expect(await run('defaults', 'a\nb\nc\n', { Environment })).toBe('3\n3\n3\n');
    expect(await logOf('defaults', '/data-log')).toEqual([
      expect.stringMatching(
        /^\d{4}-.*:\[sagemaker logs\]: MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD$/,
      ),
    ]);
    expect(await run('told', 'a\nb\n', { Environment: { ...Environment, PARAMETERS } })).toBe('1\n1\n');
    expect((await logOf('told', '/data-log'))[0]).toMatch(/=2, MaxPayloadInMB=1, BatchStrategy=SINGLE_RECORD$/);
    const more = {
      Environment: { ...Environment, PARAMETERS },
      BatchStrategy: 'MultiRecord',
      MaxPayloadInMB: 2,
    } as const;
    expect(await run('request', 'a\nb\n', more)).toBe('2\n2\n');
    expect((await logOf('request', '/data-log'))[0]).toMatch(/=2, MaxPayloadInMB=2, BatchStrategy=MULTI_RECORD$/);
  });

  it('fills a request up to MaxPayloadInMB', async () => {
    const line = 'x'.repeat(262_143);
    const more = { Environment: { MODE: 'batches' }, MaxPayloadInMB: 1 };
    expect(await run('filled', `${line}\n`.repeat(6), more)).toBe('4\n4\n4\n4\n2\n2\n');
  });

  it('sends MaxConcurrentTransforms requests at once, not more', async () => {
    const more = { MaxConcurrentTransforms: 3, BatchStrategy: 'SingleRecord' } as const;
    const Environment = { MODE: 'together', AT_ONCE: '3' };
    expect(await run('three', 'a\n'.repeat(6), { ...more, Environment })).toBe('3\n'.repeat(6));
    const four = { ...Environment, AT_ONCE: '4' };
    expect(await run('not-four', 'a\n'.repeat(3), { ...more, Environment: four })).toBe('3\n'.repeat(3));
  });
});

describe('what fails', () => {
  it('is an object with a record over the limit, and no other object', async () => {
    await fixture.put('heavy/a', `short\n${'x'.repeat(1024 * 1024)}\n`);
    await fixture.put('heavy/b', 'fine\n');
    await begin('heavy', { MaxPayloadInMB: 1 });
    const job = await end('heavy');
    expect(job.TransformJobStatus).toBe('Failed');
    expect(job.FailureReason).toMatch(
      /^ClientError: See job logs for more information\. s3:\/\/.*\/heavy\/a: Too much data for max payload size: a record/,
    );
    expect(await fixture.text('out/heavy/b.out')).toBe('4\n');
    await expect(fixture.text('out/heavy/a.out')).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect((await logOf('heavy', '/data-log')).at(-1)).toMatch(/\/heavy\/a: ClientError: Too much data/);
  });

  it('is an object whose model answers in another form than its records have', async () => {
    await fixture.put('mixed/in', 'a\n');
    await begin('mixed', {
      Environment: { MODE: 'typed' },
      DataProcessing: { JoinSource: 'Input' },
      TransformOutput: { S3OutputPath: `s3://${fixture.bucket}/out/mixed`, AssembleWith: 'Line' },
    });
    expect((await end('mixed')).FailureReason).toMatch(/the model answers application\/json, which can't be joined/);
  });
});

it('several jobs at once do not mix', async () => {
  const names = ['at-once-1', 'at-once-2', 'at-once-3'];
  await Promise.all(names.map((name, index) => fixture.put(`${name}/in`, 'x'.repeat(index + 1))));
  await Promise.all(names.map((name) => begin(name)));
  const jobs = await Promise.all(names.map(end));
  expect(jobs.map((job) => job.TransformJobStatus)).toEqual(['Completed', 'Completed', 'Completed']);
  expect(await Promise.all(names.map((name) => fixture.text(`out/${name}/in.out`)))).toEqual(['1\n', '2\n', '3\n']);
});

describe('DataProcessing of JSON', () => {
  const DataProcessing = {
    InputFilter: '$.features',
    JoinSource: 'Input' as const,
    OutputFilter: "$['id','SageMakerOutput']",
  };
  const Environment = { MODE: 'json' };
  const lines = '{"id":1,"features":[1,2]}\n{"id":2,"features":[1,2,3]}\n';
  const expected = '{"id":1,"SageMakerOutput":{"size":2}}\n{"id":2,"SageMakerOutput":{"size":3}}\n';

  it.each([
    ['Line', 'Line'],
    ['None', 'None'],
  ] as const)('lines, split %s and assembled %s', async (split, assemble) => {
    const form = { type: 'application/jsonlines', split, assemble };
    const more = {
      DataProcessing,
      Environment,
      BatchStrategy: split === 'Line' ? ('SingleRecord' as const) : undefined,
    };
    expect(await run(`lines-${split.toLowerCase()}`, lines, more, form)).toBe(expected);
  });

  it('an object whole', async () => {
    const form = { type: 'application/json', split: 'None', assemble: 'None' } as const;
    const input = JSON.stringify({ id: 3, features: [1] }, undefined, 2);
    expect(await run('whole', input, { DataProcessing, Environment }, form)).toBe(
      '{"id":3,"SageMakerOutput":{"size":1}}',
    );
    const joined = { DataProcessing: { JoinSource: 'Input' as const }, Environment };
    expect(await run('array', '[1,2]', joined, form)).toBe('{"SageMakerInput":[1,2],"SageMakerOutput":{"size":2}}');
  });
});
