import { CreateTrainingJobCommand } from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchModel } from '../../local/sagemaker/runtime/model-dir.js';
import { startFixture, trainingRequest, type Fixture } from './fixtures/sagemaker.js';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** Unpacks a job's model beside the server's state; returns the folder. */
async function unpacked(job: string): Promise<string> {
  const dir = join(fixture.stateDir, `unpacked-${job}`);
  await fetchModel(fixture.server.ctx, `s3://${fixture.bucket}/models/${job}/output/model.tar.gz`, dir);
  return dir;
}

const seen = async (job: string) => readFile(join(await unpacked(job), 'seen.json'), 'utf8');

async function train(name: string, hyperparameters: Record<string, string>, prefix?: string) {
  const S3DataSource = { S3DataType: 'S3Prefix' as const, S3Uri: `s3://${fixture.bucket}/${prefix}` };
  const channels = { InputDataConfig: [{ ChannelName: 'train', DataSource: { S3DataSource } }] };
  const request = trainingRequest(fixture, name, hyperparameters, prefix === undefined ? {} : channels);
  await fixture.client.send(new CreateTrainingJobCommand(request));
  return fixture.job(name);
}

describe('a model folder', () => {
  it('is packed whole, whatever its files are called, without what no archive can hold', async () => {
    expect(await train('odd', { odd: '1' })).toMatchObject({ TrainingJobStatus: 'Completed' });
    expect(await readdir(await unpacked('odd'))).toEqual(['@at', 'seen.json']);
  });
});

describe('a channel', () => {
  it('takes keys with spaces, signs and other alphabets', async () => {
    for (const name of ['sp ace.csv', 'a+b.csv', 'ünï.csv', 'per%20cent.csv', 'sub/x.csv']) {
      await fixture.put(`signs/${name}`, 'x');
    }
    await train('signs', {}, 'signs/');
    const { files } = JSON.parse(await seen('signs')) as { files: string[] };
    const names = ['a+b.csv', 'per%20cent.csv', 'sp ace.csv', 'sub', 'sub/x.csv', 'ünï.csv'];
    expect(files).toEqual(['train', ...names.map((name) => `train/${name}`)]);
  });

  it('refuses a key that would be written outside of its folder', async () => {
    await fixture.put(`climb/${'../'.repeat(6)}escaped.txt`, 'x');
    const job = await train('climb', {}, 'climb/');
    expect(job.FailureReason).toMatch(/^ClientError: Data download failed:.*escaped\.txt": a path must be/);
    expect(existsSync(join(fixture.stateDir, 'escaped.txt'))).toBe(false);
  });
});
