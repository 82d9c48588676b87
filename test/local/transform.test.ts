import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DisableKeyCommand } from '@aws-sdk/client-kms';
import {
  CreateModelCommand,
  CreateTransformJobCommand,
  DescribeTransformJobCommand,
  ListTransformJobsCommand,
  StopTransformJobCommand,
  type CreateTransformJobCommandInput,
} from '@aws-sdk/client-sagemaker';
import { create } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROLE, startFixture, until, type Fixture } from './fixtures/sagemaker.js';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
  const dir = await mkdtemp(join(tmpdir(), 'model-'));
  await writeFile(join(dir, 'model.txt'), 'model one');
  await create({ gzip: true, cwd: dir, file: join(dir, 'model.tar.gz') }, ['model.txt']);
  await fixture.put('model.tar.gz', await readFile(join(dir, 'model.tar.gz')));
  await rm(dir, { recursive: true });
  for (const mode of ['', 'model', 'exit']) {
    const PrimaryContainer = {
      Image: 'probe',
      ModelDataUrl: `s3://${fixture.bucket}/model.tar.gz`,
      Environment: { MODE: mode },
    };
    const name = mode === '' ? 'plain' : mode;
    await fixture.client.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn: ROLE, PrimaryContainer }));
  }
});
afterAll(() => fixture[Symbol.asyncDispose]());

type Request = CreateTransformJobCommandInput;

function request(name: string, input: string, more: Partial<Request> = {}): Request {
  return {
    TransformJobName: name,
    ModelName: 'plain',
    TransformInput: {
      DataSource: { S3DataSource: { S3DataType: 'S3Prefix', S3Uri: `s3://${fixture.bucket}/${input}` } },
      ContentType: 'text/csv',
      SplitType: 'Line',
    },
    TransformOutput: { S3OutputPath: `s3://${fixture.bucket}/out/${name}`, AssembleWith: 'Line' },
    TransformResources: { InstanceType: 'ml.m5.large', InstanceCount: 1 },
    ...more,
  };
}

async function end(name: string) {
  return until(async () => {
    const job = await fixture.client.send(new DescribeTransformJobCommand({ TransformJobName: name }));
    return ['Completed', 'Failed', 'Stopped'].includes(String(job.TransformJobStatus)) ? job : undefined;
  }, `transform job ${name}`);
}

async function run(name: string, input: string, more: Partial<Request> = {}) {
  await fixture.client.send(new CreateTransformJobCommand(request(name, input, more)));
  return end(name);
}

/** A job whose request keeps its name's input, with members of TransformInput replaced. */
const withInput = (input: string, more: Partial<NonNullable<Request['TransformInput']>>) => ({
  TransformInput: { ...request('', input).TransformInput, ...more } as NonNullable<Request['TransformInput']>,
});

describe('a transform job', () => {
  it('answers each object of a prefix as <input>.out, by the model that the archive holds', async () => {
    await fixture.put('in/two/a.csv', 'x\nyy\n');
    await fixture.put('in/two/sub/b.csv', 'zzz');
    expect(await run('two', 'in/two/')).toMatchObject({ TransformJobStatus: 'Completed', ModelName: 'plain' });
    expect(await fixture.text('out/two/a.csv.out')).toBe('1\n2\n');
    expect(await fixture.text('out/two/sub/b.csv.out')).toBe('3\n');
    await run('reads-model', 'in/two/a.csv', { ModelName: 'model' });
    expect(await fixture.text('out/reads-model/a.csv.out')).toBe('model one\n');
  });

  it.each([
    ['SingleRecord', ['1', '2', '3']],
    ['MultiRecord', ['1', '2', '3']],
  ] as const)('keeps the order of records with %s and several requests at once', async (BatchStrategy, answers) => {
    await fixture.put('in/order.csv', 'a\nbb\nccc');
    await run(`order-${BatchStrategy}`, 'in/order.csv', { BatchStrategy, MaxConcurrentTransforms: 3 });
    expect(await fixture.text(`out/order-${BatchStrategy}/order.csv.out`)).toBe(answers.join('\n') + '\n');
  });

  it('cuts MultiRecord requests at MaxPayloadInMB', async () => {
    const line = 'x'.repeat(400_000);
    await fixture.put('in/large.csv', `${line}\n${line}\n${line}\n`);
    await run('large', 'in/large.csv', { BatchStrategy: 'MultiRecord', MaxPayloadInMB: 1 });
    expect(await fixture.text('out/large/large.csv.out')).toBe('400000\n400000\n400000\n');
    const job = await run('too-large', 'in/large.csv', {
      MaxPayloadInMB: 1,
      ...withInput('in/large.csv', { SplitType: 'None' }),
    });
    expect(job).toMatchObject({ TransformJobStatus: 'Failed' });
    expect(job.FailureReason).toMatch(
      /^ClientError: See job logs .*large\.csv: Too much data for max payload size: the object is over/,
    );
  });

  it('sends an object whole without SplitType, reads gzip, and takes a manifest', async () => {
    await fixture.put('in/zipped/z.csv.gz', gzipSync('a\nbb\n'));
    await fixture.put('in/z.manifest', JSON.stringify([{ prefix: `s3://${fixture.bucket}/in/zipped/` }, 'z.csv.gz']));
    const DataSource = {
      S3DataSource: { S3DataType: 'ManifestFile' as const, S3Uri: `s3://${fixture.bucket}/in/z.manifest` },
    };
    await run('zipped', '', {
      TransformOutput: { S3OutputPath: `s3://${fixture.bucket}/out/zipped` },
      ...withInput('', { DataSource, CompressionType: 'Gzip', SplitType: 'None' }),
    });
    expect(await fixture.text('out/zipped/z.csv.gz.out')).toBe('1\n2\n');
  });

  it('shares the objects among its instances', async () => {
    for (const name of ['a', 'b', 'c']) await fixture.put(`in/shared/${name}`, name.repeat(3));
    await run('shared', 'in/shared/', { TransformResources: { InstanceType: 'ml.m5.large', InstanceCount: 2 } });
    for (const name of ['a', 'b', 'c']) expect(await fixture.text(`out/shared/${name}.out`)).toBe('3\n');
  });

  it('encrypts its output with the key it is given', async () => {
    const KmsKeyId = await fixture.key();
    await fixture.put('in/secret.csv', 'a');
    await run('secret', 'in/secret.csv', {
      TransformOutput: { S3OutputPath: `s3://${fixture.bucket}/out/secret`, KmsKeyId },
    });
    const object = await fixture.object('out/secret/secret.csv.out');
    expect(object).toMatchObject({ ServerSideEncryption: 'aws:kms' });
    expect(object.SSEKMSKeyId).toContain(KmsKeyId);
  });
});

const joined = { DataProcessing: { JoinSource: 'Input' as const } };
const accepting = (Accept: string) => ({
  TransformOutput: { S3OutputPath: 's3://bucket/out', AssembleWith: 'Line' as const, Accept },
});

describe('DataProcessing of CSV', () => {
  it.each([
    [
      'leaves the label out and joins it to the answer',
      { InputFilter: '$[1:]', OutputFilter: '$[0,-1]' },
      '5,2\n7,4\n',
    ],
    ['joins whole records', {}, '5,aa,4\n7,bbbb,6\n'],
    ['keeps quotes where they are needed', { InputFilter: '$[0]', OutputFilter: '$[1:]' }, 'aa,1\nbbbb,1\n'],
  ])('%s', async (name, filters, expected) => {
    const job = `join-${name.split(' ')[0]}`;
    await fixture.put('in/join.csv', '5,aa\n7,bbbb\n');
    const DataProcessing = { ...filters, JoinSource: 'Input' as const };
    expect((await run(job, 'in/join.csv', { DataProcessing })).FailureReason).toBeUndefined();
    expect(await fixture.text(`out/${job}/join.csv.out`)).toBe(expected);
  });

  it.each([
    ['an unknown path', { DataProcessing: { InputFilter: '$.features' } }, /"\$\.features" is not a filter for CSV/],
    ['libsvm', { ...withInputType('text/libsvm'), DataProcessing: { InputFilter: '$[1:]' } }, /not text\/libsvm/],
    ['a join of formats', { ...accepting('application/jsonlines'), ...joined }, /Accept must be text\/csv/],
    ['CSV that is not split', { ...withInputType('text/csv', 'None'), ...joined }, /needs SplitType Line/],
    ['RecordIO', withInputType('application/x-recordio', 'RecordIO'), /SplitType RecordIO: .* splits by Line only/],
    ['a payload of over 100 MB', { MaxConcurrentTransforms: 20, MaxPayloadInMB: 6 }, /must not exceed 100 MB/],
    ['an unknown model', { ModelName: 'nobody' }, /Could not find model "arn:aws:sagemaker:.*model\/nobody"/],
  ])('refuses %s', async (_, more, message) => {
    const input = { ...request('refused', 'in/join.csv'), ...more } as Request;
    await expect(fixture.client.send(new CreateTransformJobCommand(input))).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('a transform job that does not go well', () => {
  it('fails for one object and still answers the others', async () => {
    await fixture.put('in/mixed/bad.csv', 'poison');
    await fixture.put('in/mixed/good.csv', 'fine');
    const job = await run('mixed', 'in/mixed/', { ModelClientConfig: { InvocationsMaxRetries: 0 } });
    expect(job.TransformJobStatus).toBe('Failed');
    expect(job.FailureReason).toMatch(
      /^AlgorithmError: See job logs .*bad\.csv: Bad HTTP status received from algorithm: 500: poisoned/,
    );
    expect(await fixture.text('out/mixed/good.csv.out')).toBe('4\n');
  });

  it('fails with the reason when its model exits, its key is disabled or its input is empty', async () => {
    expect((await run('exits', 'in/order.csv', { ModelName: 'exit' })).FailureReason).toMatch(/ended \(code 3\)/);
    const KmsKeyId = await fixture.key();
    await fixture.server.ctx.kms.send(new DisableKeyCommand({ KeyId: KmsKeyId }));
    const TransformOutput = { S3OutputPath: `s3://${fixture.bucket}/out/x`, KmsKeyId };
    expect((await run('locked', 'in/order.csv', { TransformOutput })).FailureReason).toMatch(/is disabled/);
    expect((await run('empty', 'in/none/')).FailureReason).toMatch(/No S3 objects found under/);
  });

  it('is stopped on request, and listed', async () => {
    await fixture.rule({ kind: 'transform-job', match: '^halted', action: 'slow', delayMs: 60_000 });
    const input = request('halted', 'in/order.csv');
    await fixture.client.send(new CreateTransformJobCommand(input));
    await expect(fixture.client.send(new CreateTransformJobCommand(input))).rejects.toMatchObject({
      name: 'ResourceInUse',
    });
    await fixture.client.send(new StopTransformJobCommand({ TransformJobName: 'halted' }));
    expect(await end('halted')).toMatchObject({ TransformJobStatus: 'Stopped' });
    const { TransformJobSummaries } = await fixture.client.send(
      new ListTransformJobsCommand({ StatusEquals: 'Stopped' }),
    );
    expect(TransformJobSummaries).toMatchObject([{ TransformJobName: 'halted' }]);
  });

  it('goes on after a restart', async () => {
    await fixture.rule({ kind: 'transform-job', match: '^resumed', action: 'slow', delayMs: 60_000 });
    await fixture.client.send(new CreateTransformJobCommand(request('resumed', 'in/order.csv')));
    await fixture.restart();
    expect(await end('resumed')).toMatchObject({ TransformJobStatus: 'Completed' });
    expect(await fixture.text('out/resumed/order.csv.out')).toBe('1\n2\n3\n');
  });
});

function withInputType(ContentType: string, SplitType: 'Line' | 'None' | 'RecordIO' = 'Line') {
  const S3DataSource = { S3DataType: 'S3Prefix' as const, S3Uri: 's3://bucket/x' };
  return { TransformInput: { DataSource: { S3DataSource }, ContentType, SplitType } };
}
