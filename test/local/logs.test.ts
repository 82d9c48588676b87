import {
  CloudWatchLogsClient,
  DescribeLogStreamsCommand,
  GetLogEventsCommand,
  paginateDescribeLogStreams,
  type GetLogEventsCommandInput,
} from '@aws-sdk/client-cloudwatch-logs';
import { CreateTrainingJobCommand, DeleteTrainingJobCommand, StopTrainingJobCommand } from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { awsEnvironment } from '../../local/stack.js';
import { startFixture, trainingRequest, until, type Fixture } from './fixtures/sagemaker.js';

const GROUP = '/aws/sagemaker/TrainingJobs';
let fixture: Fixture;
let logs: CloudWatchLogsClient;

beforeAll(async () => {
  fixture = await startFixture();
  connect();
});
afterAll(async () => {
  logs.destroy();
  await fixture[Symbol.asyncDispose]();
});

function connect(): void {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  logs = new CloudWatchLogsClient({ endpoint: fixture.server.url, region: 'us-east-1', credentials, maxAttempts: 1 });
}

const train = (name: string, hyperparameters: Record<string, string>, count = 1) =>
  fixture.client.send(
    new CreateTrainingJobCommand(
      trainingRequest(fixture, name, hyperparameters, {
        ResourceConfig: { InstanceType: 'ml.m5.large', InstanceCount: count, VolumeSizeInGB: 5 },
      }),
    ),
  );

/** The only stream of a job, once it is there. */
const streamOf = (job: string) =>
  until(async () => {
    const found = await logs
      .send(new DescribeLogStreamsCommand({ logGroupName: GROUP, logStreamNamePrefix: `${job}/` }))
      .catch((error: Error) => {
        if (error.name !== 'ResourceNotFoundException') throw error;
      });
    return found?.logStreams?.[0]?.logStreamName;
  }, `stream of ${job}`);

const events = async (logStreamName: string, more: Partial<GetLogEventsCommandInput> = {}) => {
  const answer = await logs.send(new GetLogEventsCommand({ logGroupName: GROUP, logStreamName, ...more }));
  return { ...answer, texts: (answer.events ?? []).map(({ message }) => message) };
};

it('leads clients of local mode to the local SageMaker', () => {
  expect(awsEnvironment({ aws: 'http://127.0.0.1:1', sagemaker: 'http://127.0.0.1:2' })).toMatchObject({
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: 'http://127.0.0.1:2',
  });
});

describe('the log of a training job', () => {
  it('is not there before there is one', async () => {
    await expect(events('nobody/algo-1-1')).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'The specified log group does not exist.',
    });
  });

  it('is followed while the job runs, each line once', async () => {
    const before = Date.now();
    await train('followed', { print: 'one|two\tthree', sleepMs: '60000' });
    const stream = await streamOf('followed');
    expect(stream).toMatch(/^followed\/algo-1-\d{10}$/);

    const seen: string[] = [];
    let token: string | undefined;
    const follow = async () => {
      const page = await events(stream, { startFromHead: true, ...(token && { nextToken: token }) });
      seen.push(...page.texts.map(String));
      for (const { timestamp } of page.events ?? []) expect(timestamp).toBeGreaterThanOrEqual(before);
      const same = page.nextForwardToken === token;
      token = page.nextForwardToken;
      return same;
    };
    await until(async () => (await follow(), seen.length === 2 ? true : undefined), 'two lines');
    expect(seen).toEqual(['one', 'two#011three']);
    expect(await follow()).toBe(true);

    await fixture.client.send(new StopTrainingJobCommand({ TrainingJobName: 'followed' }));
    await fixture.job('followed');
    await follow();
    expect(seen.slice(0, 2)).toEqual(['one', 'two#011three']);
    expect(await follow()).toBe(true);
  });

  it('is read in pages, forwards, backwards and from the end', async () => {
    await train('paged', { print: Array.from({ length: 7 }, (_, index) => `line ${index}`).join('|') });
    await fixture.job('paged');
    const stream = await streamOf('paged');
    const first = await events(stream, { startFromHead: true, limit: 3 });
    expect(first.texts).toEqual(['line 0', 'line 1', 'line 2']);
    const second = await events(stream, { nextToken: first.nextForwardToken, limit: 3, startFromHead: true });
    expect(second.texts).toEqual(['line 3', 'line 4', 'line 5']);
    const back = await events(stream, { nextToken: second.nextBackwardToken, limit: 2 });
    expect(back.texts).toEqual(['line 1', 'line 2']);
    expect((await events(stream, { nextToken: back.nextBackwardToken })).texts).toEqual(['line 0']);
    const last = await events(stream, { limit: 2 });
    expect(last.texts).toEqual(['line 5', 'line 6']);
    expect((await events(stream, { nextToken: last.nextForwardToken })).texts).toEqual([]);
    const time = Number(last.events?.at(-1)?.timestamp);
    expect((await events(stream, { startTime: time })).texts).toContain('line 6');
    expect((await events(stream, { startTime: time + 1, startFromHead: true })).texts).toEqual([]);
    expect((await events(stream, { endTime: Number(first.events?.[0]?.timestamp) })).texts).toEqual([]);
    await expect(events(stream, { nextToken: 'f/1' })).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });

  it('has a stream a host, and goes with the job', async () => {
    await train('hosts', { print: 'hello' }, 3);
    await fixture.job('hosts');
    await fixture.restart();
    logs.destroy();
    connect();
    const names: string[] = [];
    const query = { logGroupName: GROUP, logStreamNamePrefix: 'hosts' };
    for await (const page of paginateDescribeLogStreams({ client: logs, pageSize: 2 }, query)) {
      expect(page.logStreams?.length).toBeLessThanOrEqual(2);
      for (const { logStreamName, firstEventTimestamp } of page.logStreams ?? []) {
        names.push(String(logStreamName));
        expect(firstEventTimestamp).toBeGreaterThan(0);
      }
    }
    expect(names.map((name) => name.replace(/\d+$/, ''))).toEqual(['hosts/algo-1-', 'hosts/algo-2-', 'hosts/algo-3-']);
    const newest = await logs.send(
      new DescribeLogStreamsCommand({ logGroupName: GROUP, orderBy: 'LastEventTime', descending: true, limit: 1 }),
    );
    expect(newest.logStreams?.[0]?.logStreamName).toMatch(/^hosts\//);
    await fixture.client.send(new DeleteTrainingJobCommand({ TrainingJobName: 'hosts' }));
    await expect(events(String(names[0]))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'The specified log stream does not exist.',
    });
  });
});
