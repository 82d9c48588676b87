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
const detailOfObject = z.object({ bucket: z.object({ name: z.string() }), object: s3Object });

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

/** Names of events, which begin with "s3:" in what buckets are configured with, and not in what they send. */
const CREATED = /^(s3:)?ObjectCreated:/;
const REMOVED = /^(s3:)?(ObjectRemoved|LifecycleExpiration):/;

/** What S3 sends once when a notification is set up. */
const s3Test = z.object({ Event: z.literal('s3:TestEvent') });

/** A message as the listener sees it; `id` stays the same when it is delivered twice. */
export interface Incoming {
  readonly id: string;
  readonly created: readonly Created[];
  /** Objects, or versions of them, that S3 says were removed, by whom or what ever. */
  readonly removed: readonly Pick<Created, 'bucket' | 'key'>[];
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
  if (bus.success) return { id: bus.data.id ?? messageId, ...objectsOf(bus.data), event: bus.data };
  const s3 = s3Message.safeParse(value);
  if (s3.success) {
    const named = (kind: RegExp) =>
      s3.data.Records.filter(({ eventName }) => kind.test(eventName)).map(({ s3: { bucket, object } }) => ({
        bucket: bucket.name,
        key: decodeKey(object.key),
        size: object.size,
      }));
    return { id: messageId, created: named(CREATED), removed: named(REMOVED) };
  }
  return s3Test.safeParse(value).success ? { id: messageId, created: [], removed: [] } : undefined;
}

function objectsOf({ source, 'detail-type': type, detail }: BusEvent): Pick<Incoming, 'created' | 'removed'> {
  const parsed = source === 'aws.s3' ? detailOfObject.safeParse(detail) : undefined;
  const objects = parsed?.success
    ? [{ bucket: parsed.data.bucket.name, key: parsed.data.object.key, size: parsed.data.object.size }]
    : [];
  // A deletion by a lifecycle rule is an "Object Deleted" like others.
  return {
    created: type === 'Object Created' ? objects : [],
    removed: type === 'Object Deleted' ? objects : [],
  };
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
