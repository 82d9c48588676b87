import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { ApplicationFailure } from '@temporalio/common';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { parseS3Uri } from '../../contracts/names.js';
import { awsClients } from '../support/aws.js';
import { raise } from '../support/scripted-activities.js';
import type { ClientEnvironment } from './environment.js';
import { clientEnvironment, stubAws } from './environment.js';
import { call, temporaryFolder } from './terminal.js';

const BUCKET = `invoke-${process.pid}`;
const { s3, kms } = awsClients(inject('aws').endpoint);
let at: ClientEnvironment;
let key: string;
const seen: { input: string; encryption: string | undefined; contentType: string }[] = [];

beforeAll(async () => {
  stubAws();
  at = await clientEnvironment();
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  key = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
  const folder = await mkdtemp(join(tmpdir(), 'perennial-invoke-'));
  await writeFile(
    join(folder, 'model.yaml'),
    `name: served\nrole: arn:aws:iam::123456789012:role/r\ndata: { bucket: ${BUCKET} }\nencryption: { key: "${key}" }\ntraining: { algorithm: linear-learner }\n`,
  );
  const { code } = await call(at.env, ['apply', folder]);
  await rm(folder, { recursive: true });
  expect(code).toBe(0);
  at.override({
    invokeEndpoint: async ({ inputUri, outputUri, contentType }) => {
      const { bucket: Bucket, key: Key } = parseS3Uri(inputUri);
      const { ServerSideEncryption } = await s3.send(new HeadObjectCommand({ Bucket, Key }));
      const body = await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
      seen.push({ input: body ?? '', encryption: ServerSideEncryption, contentType });
      if (body?.startsWith('bad')) throw raise('InvalidRequest', 'the model refused the rows: not a number');
      const { key: answer } = parseS3Uri(outputUri);
      await s3.send(new PutObjectCommand({ Bucket, Key: answer, Body: '{"predictions":[{"score":12.5}]}' }));
      return { status: 200, bytes: 32, variant: 'prod' };
    },
  });
});
afterAll(async () => {
  await at.close();
  vi.unstubAllEnvs();
});

const leftOver = async () => (await s3.send(new ListObjectsV2Command({ Bucket: BUCKET }))).KeyCount;

describe('invoke', () => {
  it('sends rows by an encrypted object, prints the answer and leaves nothing behind', async () => {
    const { code, out } = await call(at.env, ['invoke', 'served', '--csv', String.raw`1,2\n3,4`]);
    expect({ code, out }).toEqual({ code: 0, out: '{"predictions":[{"score":12.5}]}\n' });
    expect(seen.at(-1)).toEqual({ input: '1,2\n3,4', encryption: 'aws:kms', contentType: 'text/csv' });
    expect(await leftOver()).toBe(0);
  });

  it('takes rows from a file or standard input', async () => {
    const folder = await temporaryFolder({ 'rows.csv': '5,6\n' });
    await call(at.env, ['invoke', 'served', '--file', join(folder, 'rows.csv')]);
    const piped = await call(at.env, ['invoke', 'served', '--json'], { stdin: '7,8\n' });
    expect(piped.json()).toMatchObject({ endpoint: 'served', status: 200, variant: 'prod' });
    expect(seen.slice(-2).map(({ input }) => input)).toEqual(['5,6\n', '7,8\n']);
  });

  it('says why the model refused, and removes the rows all the same', async () => {
    const { code, err } = await call(at.env, ['invoke', 'served', '--csv', 'bad']);
    expect({ code, err }).toEqual({ code: 1, err: 'the model refused the rows: not a number\n' });
    expect(await leftOver()).toBe(0);
  });

  it('says what failed first where the bucket is missing, not that cleaning up failed too', async () => {
    const folder = await temporaryFolder({
      'm.yaml': `name: homeless\nrole: arn:aws:iam::123456789012:role/r\ndata: { bucket: ${BUCKET}-absent }\ntraining: { algorithm: linear-learner }\n`,
    });
    await call(at.env, ['apply', folder]);
    const { code, err } = await call(at.env, ['invoke', 'homeless', '--csv', '1']);
    expect(code).toBe(1);
    expect(err).toMatch(/^cannot write the exchange object s3:\/\/\S+: there is no bucket invoke-\S+-absent\n$/);
  });

  it("tells the worker's words, not those of AWS under them", async () => {
    at.override({
      invokeEndpoint: async () => {
        const cause = Object.assign(new Error('The specified bucket does not exist'), { name: 'NoSuchBucket' });
        throw ApplicationFailure.create({ message: 'my-bucket is missing: create it', nonRetryable: true, cause });
      },
    });
    const { code, err } = await call(at.env, ['invoke', 'served', '--csv', '1']);
    expect({ code, err }).toEqual({ code: 1, err: 'my-bucket is missing: create it\n' });
  });

  it.each([
    [['--csv', '1', '--file', 'rows.csv'], 'give one of them'],
    [[], 'standard input is empty'],
    [['--csv', ''], '--csv is empty'],
    [['--file', 'absent.csv'], 'absent.csv cannot be read'],
  ])('refuses %j', async (flags, words) => {
    const { code, err } = await call(at.env, ['invoke', 'served', ...flags]);
    expect(code).toBe(2);
    expect(err).toContain(words);
  });
});
