import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { awsSettings } from '../../../examples/demo/account.js';
import type { LocalStack } from '../../../local/index.js';

/** Makes a queue that receives the state changes of what a lane's models train and deploy, and of nothing else. Answers with its URL. */
export async function makeEventsQueue({ env }: Pick<LocalStack, 'env'>, lane: string): Promise<string> {
  const [sqs, events] = [new SQSClient(awsSettings(env)), new EventBridgeClient(awsSettings(env))];
  try {
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: `campaign-${lane}` }));
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
    for (const member of ['TrainingJobName', 'EndpointName']) {
      const Name = `campaign-${lane}-${member}`;
      const EventPattern = JSON.stringify({
        source: ['aws.sagemaker'],
        detail: { [member]: [{ prefix: `${lane}-` }] },
      });
      await events.send(new PutRuleCommand({ Name, EventPattern }));
      await events.send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: lane, Arn: Attributes?.QueueArn }] }));
    }
    return QueueUrl;
  } finally {
    sqs.destroy();
    events.destroy();
  }
}
