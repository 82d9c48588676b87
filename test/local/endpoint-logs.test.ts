import { CloudWatchLogsClient, DescribeLogStreamsCommand, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { UpdateEndpointCommand } from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { Harness } from './fixtures-serve/harness.js';

const harness = new Harness(inject('aws').endpoint);
let logs: CloudWatchLogsClient;
beforeAll(async () => {
  await harness.start();
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  logs = new CloudWatchLogsClient({ endpoint: harness.url, region: 'us-east-1', credentials });
});
afterAll(async () => {
  logs.destroy();
  await harness.close();
});

it('what an endpoint’s programs say is in its log group, a stream an instance', async () => {
  await harness.config('serves');
  await harness.config('talks', { BEHAVIOUR: 'exit' });
  await harness.endpoint('logged', 'serves');
  await harness.control.send(new UpdateEndpointCommand({ EndpointName: 'logged', EndpointConfigName: 'talks' }));
  expect((await harness.settled('logged')).EndpointConfigName).toBe('serves');

  const logGroupName = '/aws/sagemaker/Endpoints/logged';
  const { logStreams = [] } = await logs.send(
    new DescribeLogStreamsCommand({ logGroupName, logStreamNamePrefix: 'AllTraffic/i-' }),
  );
  expect(logStreams.map(({ logStreamName }) => logStreamName)).toEqual([
    expect.stringMatching(/^AllTraffic\/i-[0-9a-f]{17}$/),
    expect.stringMatching(/^AllTraffic\/i-[0-9a-f]{17}$/),
  ]);
  const pages = await Promise.all(
    logStreams.map(({ logStreamName }) => logs.send(new GetLogEventsCommand({ logGroupName, logStreamName }))),
  );
  expect(pages.flatMap(({ events = [] }) => events.map(({ message }) => message))).toEqual(['cannot load the model']);
  const missing = new DescribeLogStreamsCommand({ logGroupName: '/aws/sagemaker/Endpoints/nobody' });
  await expect(logs.send(missing)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});
