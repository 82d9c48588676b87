import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Logger } from 'pino';
import type { Mirroring } from '../../activities/mounts/mirror.js';
import { readMessage, type BusEvent } from './messages.js';
import { mirrorEvents } from './mirror.js';
import { listen, type Listening } from './queue.js';
import { wakeOf } from './state-changes.js';
import { triggerRuns } from './triggers.js';

/** gRPC's code for what is not there. */
const NOT_FOUND = 5;

interface ListenerOptions {
  readonly sqs: SQSClient;
  /** The process's one. */
  readonly mirroring: Pick<Mirroring, 'mirrorKey'>;
  readonly queueUrl: string;
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly log: Logger;
}

/**
 * Takes events from a queue. SageMaker's state changes end the waits they concern: the server is asked to run the waiting activity now instead
 * of at its next interval, which costs a run no history event. New objects in S3 and events that definitions declare start runs. Objects that
 * were created or removed are made equal on the mounts that mirror them.
 * An event that is late or doubled changes nothing but the time of a look; one that is lost costs a wait its interval, a run its trigger, and a
 * mount the time until it is reconciled.
 */
export function startListener({ sqs, mirroring, queueUrl, connection, namespace, log }: ListenerOptions): Listening {
  const client = new Client({ connection, namespace });
  const trigger = triggerRuns({ client, log });
  const mirror = mirrorEvents({ client, mirroring, log });
  return listen({ sqs, queueUrl, log }, async (body, messageId) => {
    const message = readMessage(body, messageId);
    if (!message) {
      log.warn({ messageId, bytes: body.length }, 'events: a message was no event and was dropped');
      return;
    }
    await Promise.all([message.event && endWait(message.event), trigger(message), mirror(message)]);
  });

  async function endWait(event: BusEvent): Promise<void> {
    const wake = wakeOf(event);
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
  }
}
