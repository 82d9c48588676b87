import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';

const NAME = 'perennial-state-changes';
const ACCOUNT = '000000000000';

/** The queue that receives the account's events, SageMaker's state changes among them, on the emulator at `endpoint`. */
export const stateChangeQueueUrl = (endpoint: string) => `${endpoint}/${ACCOUNT}/${NAME}`;

/**
 * Makes that queue and the rule of EventBridge that fills it, which on AWS is the infrastructure's part. The rule lets every event of the
 * account through, S3's and the caller's own too: the worker picks what its models wait for. Repeating it changes nothing.
 * @throws the SDK's error if the emulator refuses
 */
export async function makeStateChangeQueue(
  endpoint: string,
  { region, key }: { region: string; key: string },
): Promise<void> {
  const settings = { endpoint, region, credentials: { accessKeyId: key, secretAccessKey: key } };
  const sqs = new SQSClient(settings);
  const events = new EventBridgeClient(settings);
  try {
    await sqs.send(new CreateQueueCommand({ QueueName: NAME }));
    const QueueUrl = stateChangeQueueUrl(endpoint);
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
    const pattern = JSON.stringify({ account: [ACCOUNT] });
    await events.send(new PutRuleCommand({ Name: NAME, EventPattern: pattern }));
    await events.send(new PutTargetsCommand({ Rule: NAME, Targets: [{ Id: 'worker', Arn: Attributes?.QueueArn }] }));
  } finally {
    sqs.destroy();
    events.destroy();
  }
}
