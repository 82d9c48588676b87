import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AddTagsCommand,
  CreateTrainingJobCommand,
  DeleteTagsCommand,
  ListTagsCommand,
  ListTrainingJobsCommand,
  type ListTrainingJobsCommandInput,
} from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { arn, parseArn } from '../../local/sagemaker/arn.js';
import { findImage, repositoryName } from '../../local/sagemaker/images.js';
import { resolveInput, shard } from '../../local/sagemaker/inputs.js';
import { startSageMaker } from '../../local/sagemaker/server.js';
import { openStore } from '../../local/sagemaker/store.js';
import { hasLocalStorage } from '../../local/sagemaker/training/instances.js';
import { startFixture, trainingRequest, until, type Fixture } from './fixtures/sagemaker.js';

describe('the store', () => {
  it('keeps resources over a restart, ignores half-written files and names a damaged one', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'store-'));
    try {
      const store = openStore(dir);
      store.put('tags', 'arn:aws:x/y', { tags: [1] });
      store.put('model', 'a', { n: 1 });
      store.put('model', 'a', { n: 2 });
      const read = store.get<{ n: number }>('model', 'a');
      if (read) read.n = 99;
      expect(store.list('model')).toEqual([{ n: 2 }]);
      await writeFile(join(dir, 'model', 'b.json.tmp'), '{"n":');

      const again = openStore(dir);
      expect(again.list('model')).toEqual([{ n: 2 }]);
      expect(again.get('tags', 'arn:aws:x/y')).toEqual({ tags: [1] });
      expect(await readdir(join(dir, 'model'))).toEqual(['a.json']);
      again.delete('model', 'a');
      expect(openStore(dir).get('model', 'a')).toBeUndefined();

      await writeFile(join(dir, 'model', 'c.json'), '{"n":');
      expect(() => openStore(dir)).toThrow(/c\.json is damaged: remove it/);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe('names', () => {
  it('of resources become ARNs and back', () => {
    const config = { region: 'eu-west-1', accountId: '000000000000' };
    expect(arn(config, 'endpoint-config', 'My-Config')).toBe(
      'arn:aws:sagemaker:eu-west-1:000000000000:endpoint-config/my-config',
    );
    expect(parseArn(arn(config, 'transform-job', 'j'))).toEqual({ kind: 'transform-job', name: 'j' });
    expect(parseArn('arn:aws:s3:::bucket')).toBeUndefined();
    expect(arn({ ...config, region: 'cn-north-1' }, 'model', 'm')).toMatch(/^arn:aws-cn:/);
  });

  it.each([
    ['382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1', 'linear-learner'],
    ['390948362332.dkr.ecr.cn-north-1.amazonaws.com.cn/linear-learner:latest', 'linear-learner'],
    ['localhost:5000/team/own@sha256:abc', 'team/own'],
    ['own', 'own'],
  ])('of image %s is repository %s', (uri, repository) => {
    expect(repositoryName(uri)).toBe(repository);
    expect(findImage({ [repository]: '/by-name', [uri]: '/by-uri' }, uri)).toBe('/by-uri');
    expect(findImage({ other: '/x' }, uri)).toBeUndefined();
  });

  it.each(['ml.g5.xlarge', 'ml.g4dn.xlarge', 'ml.m5d.large', 'ml.p4d.24xlarge', 'ml.trn1.2xlarge', 'ml.g6.xlarge'])(
    'of instance type %s tell its NVMe storage',
    (type) => expect(hasLocalStorage(type)).toBe(true),
  );

  it.each(['ml.m5.large', 'ml.c5n.xlarge', 'ml.p3.2xlarge', 'ml.m6i.large', 'ml.r5.large'])(
    'of instance type %s tell that it has none',
    (type) => expect(hasLocalStorage(type)).toBe(false),
  );
});

describe('a server', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture();
    await fixture.rule({ kind: 'training-job', action: 'complete' });
    for (let i = 0; i < 12; i++) {
      const Tags = [{ Key: 'run', Value: `r${i}` }];
      const name = `${i % 2 ? 'odd' : 'even'}-${String(i).padStart(2, '0')}`;
      await fixture.client.send(new CreateTrainingJobCommand(trainingRequest(fixture, name, {}, { Tags })));
    }
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  const names = async (input: ListTrainingJobsCommandInput) => {
    const { TrainingJobSummaries, NextToken } = await fixture.client.send(new ListTrainingJobsCommand(input));
    return { names: TrainingJobSummaries?.map((job) => job.TrainingJobName), NextToken };
  };

  it('pages, filters and sorts its lists', async () => {
    const first = await names({ SortBy: 'Name', SortOrder: 'Descending' });
    expect(first.names).toHaveLength(10);
    expect(first.names?.[0]).toBe('odd-11');
    const second = await names({ SortBy: 'Name', SortOrder: 'Descending', NextToken: first.NextToken });
    expect(second).toEqual({ names: ['even-02', 'even-00'], NextToken: undefined });
    expect((await names({ NameContains: 'ODD', MaxResults: 3 })).names).toEqual(['odd-01', 'odd-03', 'odd-05']);
    expect((await names({ StatusEquals: 'Failed' })).names).toEqual([]);
    const { CreationTime } = await fixture.job('odd-07');
    expect((await names({ CreationTimeAfter: CreationTime })).names?.[0]).toBe('even-08');
    expect((await names({ LastModifiedTimeBefore: CreationTime })).names?.at(-1)).toBe('even-06');
    await expect(names({ MaxResults: 101 })).rejects.toThrow(/less than or equal to 100/);
    await expect(names({ NextToken: 'x' })).rejects.toThrow('Invalid NextToken');
    await expect(names({ StatusEquals: 'Done' as 'Failed' })).rejects.toThrow(/at 'statusEquals' failed to satisfy/);
  });

  it('keeps tags by ARN', async () => {
    const { TrainingJobArn: ResourceArn } = await fixture.job('odd-01');
    const tags = async () => (await fixture.client.send(new ListTagsCommand({ ResourceArn }))).Tags;
    expect(await tags()).toEqual([{ Key: 'run', Value: 'r1' }]);
    const Tags = [
      { Key: 'run', Value: 'again' },
      { Key: 'team', Value: 'ml' },
    ];
    await fixture.client.send(new AddTagsCommand({ ResourceArn, Tags }));
    await fixture.client.send(new DeleteTagsCommand({ ResourceArn, TagKeys: ['team'] }));
    expect(await tags()).toEqual([{ Key: 'run', Value: 'again' }]);
    const nobody = 'arn:aws:sagemaker:us-east-1:000000000000:training-job/nobody';
    await expect(fixture.client.send(new AddTagsCommand({ ResourceArn: nobody, Tags }))).rejects.toThrow(
      'Requested resource not found.',
    );
    const many = Array.from({ length: 50 }, (_, i) => ({ Key: `k${i}`, Value: '' }));
    await expect(fixture.client.send(new AddTagsCommand({ ResourceArn, Tags: many }))).rejects.toThrow(
      /at most 50 tags/,
    );
  });

  it('answers what it does not know with an error of AWS', async () => {
    expect(await fixture.call('CreateNotebookInstance', {})).toMatchObject({
      status: 400,
      __type: 'UnknownOperationException',
    });
    const answer = await fetch(fixture.server.url, {
      method: 'POST',
      headers: { 'x-amz-target': 'SageMaker.ListTags' },
      body: '{',
    });
    expect(await answer.json()).toMatchObject({ __type: 'SerializationException' });
    expect((await fetch(`${fixture.server.url}/nowhere`)).status).toBe(404);
    expect((await fetch(`${fixture.server.url}/_local/nothing`)).status).toBe(404);
  });

  it('shows and removes its control rules', async () => {
    const rules = `${fixture.server.url}/_local/rules`;
    await fixture.rule({ id: 'one', kind: 'endpoint', action: 'complete' });
    expect(await (await fetch(rules)).json()).toMatchObject({ rules: [{ kind: 'training-job' }, { id: 'one' }] });
    await fetch(`${rules}/one`, { method: 'DELETE' });
    expect(((await (await fetch(rules)).json()) as { rules: unknown[] }).rules).toHaveLength(1);
  });

  it('resolves manifests and prefixes, and refuses paths that leave the channel', async () => {
    const { s3 } = fixture.server.ctx;
    const at = (key: string) => `s3://${fixture.bucket}/${key}`;
    await fixture.put('data/day-1.csv', '1');
    await fixture.put('data/day-2.csv', '2');
    await fixture.put('data/folder/', ' ');
    const paths = async (key: string) =>
      (await resolveInput(s3, { S3DataType: 'S3Prefix', S3Uri: at(key) })).map((file) => file.path);
    expect(await paths('data')).toEqual(['day-1.csv', 'day-2.csv']);
    expect(await paths('data/day-')).toEqual(['day-1.csv', 'day-2.csv']);
    expect(await paths('data/day-2.csv')).toEqual(['day-2.csv']);

    const manifest = async (content: string) => {
      await fixture.put('manifest', content);
      return resolveInput(s3, { S3DataType: 'ManifestFile', S3Uri: at('manifest') });
    };
    const files = await manifest(JSON.stringify([{ prefix: at('data/') }, 'day-1.csv', 'a/b.csv', 'c.csv']));
    expect(files.map(({ object, path }) => [object.key, path])).toEqual([
      ['data/day-1.csv', 'day-1.csv'],
      ['data/a/b.csv', 'a/b.csv'],
      ['data/c.csv', 'c.csv'],
    ]);
    expect(shard(files, 1, 2).map(({ path }) => path)).toEqual(['a/b.csv']);
    await expect(manifest(JSON.stringify([{ prefix: at('') }, '../secret']))).rejects.toThrow(/stay below the prefix/);
    await expect(manifest('["x"]')).rejects.toThrow(/must be \[\{"prefix"/);
    await expect(manifest('nonsense')).rejects.toThrow(/is not JSON/);
  });
});

describe('state changes', () => {
  it('are sent to EventBridge in order, with times as epoch milliseconds', async () => {
    const events: { DetailType: string; Source: string; Resources: string[]; Detail: string }[] = [];
    const bus = createServer((req, res) => {
      let body = '';
      req.on('data', (chunk: Buffer) => (body += chunk.toString()));
      req.on('end', () => {
        events.push(...(JSON.parse(body) as { Entries: typeof events }).Entries);
        res.end('{"FailedEntryCount":0,"Entries":[]}');
      });
    }).listen(0, '127.0.0.1');
    await once(bus, 'listening');
    const stateDir = await mkdtemp(join(tmpdir(), 'events-'));
    const endpoint = `http://127.0.0.1:${(bus.address() as AddressInfo).port}`;
    const server = await startSageMaker(
      { host: '127.0.0.1', port: 0, region: 'us-east-1', accountId: '000000000000', stateDir, images: {} },
      { env: { AWS_ENDPOINT_URL: inject('aws').endpoint, AWS_ENDPOINT_URL_EVENTBRIDGE: endpoint } },
    );
    try {
      const request = trainingRequest({ bucket: 'b' }, 'told', {}, { Tags: [{ Key: 'run', Value: 'r' }] });
      const headers = { 'x-amz-target': 'SageMaker.CreateTrainingJob' };
      await fetch(server.url, { method: 'POST', headers, body: JSON.stringify(request) });
      await until(async () => (events.length >= 2 ? true : undefined), 'two events');
      expect(events).toMatchObject([
        { Source: 'aws.sagemaker', DetailType: 'SageMaker Training Job State Change' },
        { Resources: ['arn:aws:sagemaker:us-east-1:000000000000:training-job/told'] },
      ]);
      const [started, failed] = events.map((event) => JSON.parse(event.Detail) as Record<string, unknown>);
      expect(started).toMatchObject({
        TrainingJobStatus: 'InProgress',
        SecondaryStatus: 'Starting',
        Tags: { run: 'r' },
      });
      expect(failed).toMatchObject({ TrainingJobStatus: 'Failed', TrainingJobName: 'told' });
      expect(failed?.['TrainingEndTime']).toMatch(/^\d{13}$/);
      expect(failed?.['SecondaryStatusTransitions']).toMatchObject([
        { StartTime: expect.stringMatching(/^\d{13}$/) },
        {},
      ]);
    } finally {
      await server.close();
      bus.close();
      bus.closeAllConnections();
      await rm(stateDir, { recursive: true, force: true });
    }
  });
});
