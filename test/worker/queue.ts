import { randomUUID } from 'node:crypto';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SendMessageCommand,
  SQSClient,
  type QueueAttributeName,
} from '@aws-sdk/client-sqs';
import { S3Client } from '@aws-sdk/client-s3';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { inject } from 'vitest';
import { hashesWith } from '../../activities/keyed-hashes.js';
import { createMirroring } from '../../activities/mounts/mirror.js';
import { startListener } from '../../worker/listener/index.js';

export const awsSettings = () => ({
  endpoint: inject('aws').endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});

/** A queue of its own on the emulator. */
export interface TestQueue {
  readonly url: string;
  readonly arn: string;
  send(message: string): Promise<void>;
  /** Messages that nobody has dealt with. */
  left(): Promise<number>;
}

/** Makes a queue and runs `body` beside a listener on it. The lines the listener logs are given to `log`. */
export async function withListener(
  env: Pick<TestWorkflowEnvironment, 'nativeConnection' | 'namespace'>,
  body: (queue: TestQueue) => Promise<void>,
  log: (line: string) => void = () => undefined,
): Promise<void> {
  const sqs = new SQSClient(awsSettings());
  const s3 = new S3Client(awsSettings());
  const { QueueUrl: url = '' } = await sqs.send(new CreateQueueCommand({ QueueName: `listener-${randomUUID()}` }));
  const attributes = async (...AttributeNames: QueueAttributeName[]) => {
    const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames }));
    return AttributeNames.map((name) => Attributes[name] ?? '');
  };
  const [arn = ''] = await attributes('QueueArn');
  const listening = startListener({
    mirroring: createMirroring({ s3, hashes: async () => hashesWith(Buffer.alloc(32)) }),
    sqs,
    queueUrl: url,
    connection: env.nativeConnection,
    namespace: env.namespace ?? 'default',
    log: pino({ level: 'debug' }, { write: log }),
  });
  try {
    await body({
      url,
      arn,
      send: async (MessageBody) => {
        await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody }));
      },
      left: async () => {
        const counts = await attributes('ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible');
        return counts.reduce((sum, count) => sum + Number(count), 0);
      },
    });
  } finally {
    await listening.stop();
    sqs.destroy();
    s3.destroy();
  }
}
