import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteMessageBatchCommand, ReceiveMessageCommand, type Message, type SQSClient } from '@aws-sdk/client-sqs';
import type { Logger } from 'pino';

/** SQS's longest: an idle queue costs three calls a minute. */
const LONG_POLL_S = 20;
const LONGEST_PAUSE_MS = 30_000;
/** Batches of ten in hand at once: some messages wait a moment for others like them, and must not hold up the rest. */
const MOST_BATCHES = 50;

export interface Listening {
  /** Ends the poll under way; messages in hand are finished first. */
  stop(): Promise<void>;
}

/**
 * Reads a queue until it is stopped, and deletes what `handle` has dealt with. A message whose handling fails stays and comes again; a queue
 * that can't be read is tried again with growing pauses: without it waits end by polling, and triggers come late.
 */
export function listen(
  { sqs, queueUrl, log }: { sqs: SQSClient; queueUrl: string; log: Logger },
  handle: (body: string, messageId: string) => Promise<void>,
): Listening {
  const stopping = new AbortController();
  const inHand = new Set<Promise<void>>();
  const loop = async () => {
    let failures = 0;
    while (!stopping.signal.aborted) {
      try {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: LONG_POLL_S }),
          { abortSignal: stopping.signal },
        );
        failures = 0;
        const batch = dealWith(Messages).finally(() => inHand.delete(batch));
        inHand.add(batch);
        if (inHand.size >= MOST_BATCHES) await Promise.race(inHand);
      } catch (error) {
        if (stopping.signal.aborted) break;
        failures += 1;
        const pause = Math.min(LONGEST_PAUSE_MS, 500 * 2 ** failures);
        log.warn(
          { err: error, queueUrl },
          `events: the queue can't be read; trying again in ${pause / 1000} s, waits end by polling meanwhile`,
        );
        await sleep(pause, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
    await Promise.all(inHand);
  };

  /** Never rejects. */
  async function dealWith(messages: readonly Message[]): Promise<void> {
    const done = await Promise.all(
      messages.map(async ({ Body = '', MessageId: Id = '', ReceiptHandle }) => {
        try {
          await handle(Body, Id);
          return [{ Id, ReceiptHandle }];
        } catch (error) {
          log.warn({ err: error, messageId: Id }, 'events: a message could not be dealt with; it comes again');
          return [];
        }
      }),
    );
    const Entries = done.flat();
    if (Entries.length === 0) return;
    try {
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    } catch (error) {
      log.warn({ err: error, queueUrl }, 'events: messages could not be deleted; they come again and change nothing');
    }
  }

  const ended = loop();
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}
