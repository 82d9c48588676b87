import { randomUUID } from 'node:crypto';
import { CreateQueueCommand, GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { compactTime, runId } from '../../contracts/names.js';
import type { RunInput } from '../../contracts/runs.js';
import { startListener } from '../../worker/listener/index.js';
import { exampleDefinition } from '../support/definitions.js';
import { devServerEnvironment } from '../support/dev-server.js';
import { raise, script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';

let env: TestWorkflowEnvironment;
let sqs: SQSClient;
beforeAll(async () => {
  env = await devServerEnvironment();
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  sqs = new SQSClient({ endpoint: inject('aws').endpoint, region: 'us-east-1', credentials });
});
afterAll(async () => {
  sqs.destroy();
  await env.teardown();
});

async function withListener(
  body: (send: (message: string) => Promise<void>, left: () => Promise<number>) => Promise<void>,
) {
  const { QueueUrl: queueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: `listener-${randomUUID()}` }));
  const listening = startListener({
    sqs,
    queueUrl,
    connection: env.nativeConnection,
    namespace: env.namespace ?? 'default',
    log: pino({ level: 'silent' }),
  });
  const send = async (MessageBody: string) => {
    await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
  };
  const left = async () => {
    const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...AttributeNames] }),
    );
    return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
  };
  try {
    await body(send, left);
  } finally {
    await listening.stop();
  }
}

/** A run whose job is looked at once an hour. Answers with its history's length once it ended. */
async function waitingRun(whenItWaits: (job: string) => Promise<void>): Promise<number> {
  let looks = 0;
  const { activities } = script({
    awaitTrainingJob: async ({ trainingJob }) => {
      if ((looks += 1) === 1) throw raise('InProgress', 'InProgress: Training', '1h');
      return { trainingJob, artifactUri: 's3://b/m', metrics: [], billableSeconds: 1 };
    },
  });
  const runTime = new Date().toISOString();
  const definition = exampleDefinition({ notify: {} });
  const input: RunInput = { runTime, definition, request: { trigger: 'manual' }, entity: false };
  return withWorker(env, activities, async (taskQueue) => {
    const workflowId = runId(definition.name, runTime);
    const handle = await env.client.workflow.start('retrain', { taskQueue, workflowId, args: [input] });
    try {
      await expect.poll(() => looks).toBe(1);
      await whenItWaits(`${definition.name}-${compactTime(runTime)}-1`);
      await handle.result();
      expect(looks).toBe(2);
      return (await handle.describe()).historyLength;
    } finally {
      await handle.terminate().catch(() => undefined);
    }
  });
}

const event = (TrainingJobName: string, TrainingJobStatus = 'Completed') =>
  JSON.stringify({
    source: 'aws.sagemaker',
    'detail-type': 'SageMaker Training Job State Change',
    detail: { TrainingJobName, TrainingJobStatus },
  });

describe('a state change of SageMaker', () => {
  it('ends the wait at once, and costs the run no history event', async () => {
    await withListener(async (send, left) => {
      const began = Date.now();
      const events = await waitingRun((job) => send(event(job)));
      expect(Date.now() - began).toBeLessThan(20_000);
      const undisturbed = await waitingRun(async (job) => {
        // Twice, and after others that end nothing.
        await send('not json');
        await send(event('somebody-elses-job'));
        await send(event(job, 'InProgress'));
        await Promise.all([send(event(job)), send(event(job))]);
      });
      expect(Math.abs(undisturbed - events)).toBeLessThanOrEqual(3);
      expect(Math.max(undisturbed, events)).toBeLessThanOrEqual(85);
      await expect.poll(left, { timeout: 10_000 }).toBe(0);
    });
  });

  it('of a run that is over changes nothing', async () => {
    await withListener(async (send, left) => {
      await send(event(`nobody-${compactTime(new Date().toISOString())}-1`));
      await expect.poll(left, { timeout: 10_000 }).toBe(0);
    });
  });
});
