import { z } from 'zod';

const busEvent = z.object({
  id: z.string().optional(),
  source: z.string(),
  'detail-type': z.string(),
  detail: z.record(z.string(), z.unknown()).default({}),
});

/** An event of EventBridge, as far as the listener reads it. */
export type BusEvent = z.infer<typeof busEvent>;

/** An object that S3 says was created. */
export interface Created {
  readonly bucket: string;
  readonly key: string;
  /** Bytes; undefined where the event doesn't say. */
  readonly size?: number | undefined;
}

const s3Object = z.object({ key: z.string(), size: z.number().optional() });
const detailOfCreated = z.object({ bucket: z.object({ name: z.string() }), object: s3Object });

/** S3's own shape: a bucket whose notifications go to the queue directly. */
const s3Message = z.object({
  Records: z.array(
    z.object({
      eventSource: z.literal('aws:s3'),
      eventName: z.string(),
      s3: z.object({ bucket: z.object({ name: z.string() }), object: s3Object }),
    }),
  ),
});

/** What S3 sends once when a notification is set up. */
const s3Test = z.object({ Event: z.literal('s3:TestEvent') });

/** A message as the listener sees it; `id` stays the same when it is delivered twice. */
export interface Incoming {
  readonly id: string;
  readonly created: readonly Created[];
  readonly event?: BusEvent;
}

/**
 * Reads a message of the queue: an event of EventBridge, or a notification of S3. Undefined for anything else.
 * @param messageId of SQS; stands in for the id of an event that has none
 */
export function readMessage(body: string, messageId: string): Incoming | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  const bus = busEvent.safeParse(value);
  if (bus.success) return { id: bus.data.id ?? messageId, created: createdBy(bus.data), event: bus.data };
  const s3 = s3Message.safeParse(value);
  if (s3.success) {
    const created = s3.data.Records.filter(({ eventName }) => /^(s3:)?ObjectCreated:/.test(eventName));
    return {
      id: messageId,
      created: created.map(({ s3: { bucket, object } }) => ({
        bucket: bucket.name,
        key: decodeKey(object.key),
        size: object.size,
      })),
    };
  }
  return s3Test.safeParse(value).success ? { id: messageId, created: [] } : undefined;
}

function createdBy({ source, 'detail-type': type, detail }: BusEvent): Created[] {
  if (source !== 'aws.s3' || type !== 'Object Created') return [];
  const parsed = detailOfCreated.safeParse(detail);
  if (!parsed.success) return [];
  const { bucket, object } = parsed.data;
  return [{ bucket: bucket.name, key: object.key, size: object.size }];
}

/** S3 URL-encodes keys in its own notifications, with "+" for a space; EventBridge gets them as they are. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    // Not encoded after all.
    return key;
  }
}
