import {
  PutEventsCommand,
  type EventBridgeClient,
  type PutEventsRequestEntry,
  type PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge';
import type { Logger } from 'pino';
import type { Context } from './context.js';

/** PutEvents takes ten entries at most. */
const BATCH = 10;

/** Sends state-change events to the default bus, in the order they happened, many to a call. */
export interface Emitter {
  readonly emit: Context['emit'];
  /** Resolves when everything emitted so far is sent or given up. */
  flush(): Promise<void>;
}

export function createEmitter(events: EventBridgeClient, log: Logger): Emitter {
  const waiting: PutEventsRequestEntry[] = [];
  let sending: Promise<void> | undefined;

  const told = new Set<string>();
  /** Says each reason once: it would be the same for every event to come. */
  const refused = (entries: readonly PutEventsResultEntry[] = []): void => {
    for (const { ErrorCode, ErrorMessage } of entries) {
      if (ErrorCode === undefined || told.has(ErrorCode)) continue;
      told.add(ErrorCode);
      log.warn({ ErrorCode, ErrorMessage }, 'EventBridge refuses state-change events; nobody will receive them');
    }
  };

  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const entries = waiting.splice(0, BATCH);
      try {
        const answer = await events.send(new PutEventsCommand({ Entries: entries }));
        if (answer.FailedEntryCount) refused(answer.Entries);
      } catch (error) {
        // As on AWS, events are best effort: the job goes on, whoever waits for one polls as well.
        log.warn(
          { err: error, resources: entries.flatMap((entry) => entry.Resources) },
          'state-change events not sent',
        );
      }
    }
    sending = undefined;
  };

  return {
    emit(detailType, detail, resources) {
      waiting.push({
        Source: 'aws.sagemaker',
        DetailType: detailType,
        Detail: JSON.stringify(detail),
        Resources: resources,
        Time: new Date(),
      });
      sending ??= drain();
    },
    async flush() {
      await sending;
    },
  };
}

/** A record as SageMaker's events show it: times are epoch milliseconds in strings. */
export function timesAsText(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([name, member]) => [
      name,
      typeof member === 'number' && /Time(stamp)?$/.test(name) ? String(Math.round(member * 1000)) : nested(member),
    ]),
  );
}

function nested(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(nested);
  return typeof value === 'object' && value !== null ? timesAsText(value as Record<string, unknown>) : value;
}
