import type { NativeConnection } from '@temporalio/worker';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Logger } from 'pino';
import { listen, type Listening } from './queue.js';
import { wakeOf, type BusEvent } from './state-changes.js';

/** gRPC's code for what is not there. */
const NOT_FOUND = 5;

interface ListenerOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly log: Logger;
}

/**
 * Takes SageMaker's state changes from a queue and ends the waits they concern: the server is asked to run the waiting activity now instead
 * of at its next interval. That costs a run no history event. An event that is lost, late or doubled changes nothing but the time of a look.
 */
export function startListener({ sqs, queueUrl, connection, namespace, log }: ListenerOptions): Listening {
  return listen({ sqs, queueUrl, log }, async (body) => {
    const event = parse(body);
    const wake = event && wakeOf(event);
    if (!wake) return;
    try {
      await connection.workflowService.resetActivity({
        namespace,
        execution: { workflowId: wake.workflowId },
        type: wake.activity,
        identity: 'perennial-listener',
      });
      log.debug(wake, 'events: a wait was ended');
    } catch (error) {
      // The run is over, or doesn't wait yet: its first look comes by itself.
      if ((error as { code?: number }).code !== NOT_FOUND) throw error;
    }
  });

  function parse(body: string): BusEvent | undefined {
    try {
      return JSON.parse(body) as BusEvent;
    } catch {
      log.warn({ bytes: body.length }, 'events: a message was no JSON and was dropped');
      return undefined;
    }
  }
}
