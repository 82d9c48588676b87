import { PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { CreateTrainingJobCommand } from '@aws-sdk/client-sagemaker';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, inject, vi } from 'vitest';
import { startFixture, trainingRequest, type Fixture } from './fixtures/sagemaker.js';

interface StateChange {
  readonly source: string;
  readonly 'detail-type': string;
  readonly resources: string[];
  readonly detail: Record<string, unknown>;
}

let fixture: Fixture;
let sqs: SQSClient;
beforeAll(async () => {
  fixture = await startFixture();
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  sqs = new SQSClient({ endpoint: inject('aws').endpoint, region: 'us-east-1', credentials });
});
afterAll(async () => {
  sqs.destroy();
  await fixture[Symbol.asyncDispose]();
});

describe('state changes of a training job', () => {
  it('reach a queue by way of EventBridge, as SageMaker sends them', async () => {
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'state-changes-test' }));
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
    const pattern = {
      source: ['aws.sagemaker'],
      'detail-type': ['SageMaker Training Job State Change'],
      detail: { TrainingJobName: ['announced'] },
    };
    const { events } = fixture.server.ctx;
    await events.send(new PutRuleCommand({ Name: 'state-changes', EventPattern: JSON.stringify(pattern) }));
    await events.send(
      new PutTargetsCommand({ Rule: 'state-changes', Targets: [{ Id: 'queue', Arn: Attributes?.QueueArn }] }),
    );

    await fixture.put('data/train/a.csv', '1,2');
    await fixture.client.send(new CreateTrainingJobCommand(trainingRequest(fixture, 'announced')));

    const seen: StateChange[] = [];
    await vi.waitUntil(
      async () => {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
        );
        for (const { Body = '', ReceiptHandle } of Messages) {
          seen.push(JSON.parse(Body) as StateChange);
          await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        }
        return seen.some(({ detail }) => detail['TrainingJobStatus'] === 'Completed');
      },
      { timeout: 30_000, interval: 50 },
    );
    const last = seen.find(({ detail }) => detail['TrainingJobStatus'] === 'Completed');
    expect(last).toMatchObject({ source: 'aws.sagemaker', 'detail-type': 'SageMaker Training Job State Change' });
    expect(last?.resources[0]).toMatch(/^arn:aws:sagemaker:us-east-1:000000000000:training-job\/announced/);
    expect(last?.detail['CreationTime']).toMatch(/^\d{13}$/);
    expect(seen.map(({ detail }) => detail['SecondaryStatus'])).toContain('Training');
  });
});
