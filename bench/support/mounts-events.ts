import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueueAttributesCommand, SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';

export interface EventQueue {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
}

const DONE_WITHIN_MS = 900_000;

/** Sends messages by tens, each batch of the ones that happened to wait longest or shortest. */
export class Sender {
  count = 0;
  private waiting: string[] = [];

  constructor(private readonly queue: EventQueue) {}

  async add(body: string): Promise<void> {
    this.count += 1;
    this.waiting.splice(Math.floor(Math.random() * (this.waiting.length + 1)), 0, body);
    if (this.waiting.length >= 500) await this.send(this.waiting.splice(0, 10));
  }

  async flush(): Promise<void> {
    while (this.waiting.length > 0) await this.send(this.waiting.splice(0, 10));
  }

  private async send(bodies: readonly string[]): Promise<void> {
    const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
    await this.queue.sqs.send(new SendMessageBatchCommand({ QueueUrl: this.queue.queueUrl, Entries }));
  }
}

/** Waits until the queue is empty and nothing of it is in hand. */
export async function allDealtWith({ sqs, queueUrl: QueueUrl }: EventQueue, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + DONE_WITHIN_MS;
  const AttributeNames = ['ApproximateNumberOfMessages' as const, 'ApproximateNumberOfMessagesNotVisible' as const];
  for (;;) {
    const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
    if (AttributeNames.every((name) => Number(Attributes[name]) === 0)) return;
    if (Date.now() > deadline) throw new Error(`messages are left after ${DONE_WITHIN_MS / 1_000} s`);
    await sleep(200, undefined, { signal });
  }
}

/** An event in one of the two shapes, by turns. */
export function message(
  { bucket, key, created }: { bucket: string; key: string; created: boolean },
  index: number,
): string {
  if (index % 2 === 0) {
    const detail = { bucket: { name: bucket }, object: { key } };
    return JSON.stringify({
      id: randomUUID(),
      source: 'aws.s3',
      'detail-type': created ? 'Object Created' : 'Object Deleted',
      detail,
    });
  }
  const encoded = encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
  const eventName = created
    ? 'ObjectCreated:Put'
    : ['ObjectRemoved:Delete', 'LifecycleExpiration:Delete'][index % 3 ? 0 : 1];
  return JSON.stringify({
    Records: [{ eventSource: 'aws:s3', eventName, s3: { bucket: { name: bucket }, object: { key: encoded } } }],
  });
}
