import { GetObjectRetentionCommand, PutObjectLegalHoldCommand, PutObjectRetentionCommand } from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BlockedBy } from '../../../contracts/purge/index.js';
import { internalError, throttled, type Answer } from '../faults/answers.js';
import type { S3Call, Named } from './s3-call.js';
import type { Fault } from './s3-proxy.js';
import { isTarget, type World } from './world.js';

/** One way in which S3 makes a purge hard. */
export interface Hardship {
  readonly name: string;
  /** What the proxy does to calls about the bucket, made anew for each purge. */
  readonly faults?: () => (call: S3Call) => Fault | undefined;
  readonly lock?: boolean;
  /** Makes the bucket hard to purge; answers with how it is freed again. */
  readonly arrange?: (world: World) => Promise<() => Promise<void>>;
  /** The reason that the purge must tell; it must end as Purged without one. */
  readonly blocked?: BlockedBy;
}

const DENIED: Answer = {
  status: 403,
  headers: { 'content-type': 'application/xml' },
  body: '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
};
/** How long a lock holds: longer than a purge takes to end as blocked. */
const LOCKED_MS = 60_000;
/** How long a storm lasts from its first call on. */
const STORM_MS = 8_000;

const ofTarget = ({ key }: Named) => isTarget(key);
/** About a third of the keys, the same ones every time. */
const some = ({ key }: Named) => isTarget(key) && key.length % 2 === 0;
const deletes = (fault: Fault) => () => (call: S3Call) => (call.operation === 'DeleteObjects' ? fault : undefined);

/** Each entry is kept from S3 so many times. */
function timesEach(times: number, concerns: (entry: Named) => boolean, rest: { code?: string } = {}) {
  return () => {
    const seen = new Map<string, number>();
    const without = (entry: Named) => {
      if (!concerns(entry)) return false;
      const name = `${entry.key} ${entry.versionId}`;
      const count = (seen.get(name) ?? 0) + 1;
      seen.set(name, count);
      return count <= times;
    };
    return (call: S3Call): Fault | undefined => (call.operation === 'DeleteObjects' ? { without, ...rest } : undefined);
  };
}

/** The first calls that a condition picks are answered with this. */
const first = (times: number, answer: Answer, picks: (call: S3Call) => boolean) => () => {
  let left = times;
  return (call: S3Call): Fault | undefined => (picks(call) && left-- > 0 ? { answer } : undefined);
};

/** Every call is answered with this for a while. */
const storm = (answer: Answer) => () => {
  let over: number | undefined;
  return (): Fault | undefined => (Date.now() < (over ??= Date.now() + STORM_MS) ? { answer } : undefined);
};

export const HARDSHIPS: readonly Hardship[] = [
  { name: 'SlowDown to every call, for a while', faults: storm(throttled('S3')) },
  {
    name: 'SlowDown to deletes, for a while',
    faults: first(12, throttled('S3'), ({ operation }) => operation === 'DeleteObjects'),
  },
  {
    name: 'InternalError to listings, for a while',
    faults: first(8, internalError('S3'), ({ operation }) => operation === 'ListObjectVersions'),
  },
  { name: 'InternalError for single keys, three times', faults: timesEach(3, some, { code: 'InternalError' }) },
  { name: 'SlowDown for single keys, twice', faults: timesEach(2, some, { code: 'SlowDown' }) },
  { name: 'InternalError for every key, once', faults: timesEach(1, ofTarget, { code: 'InternalError' }) },
  { name: 'a lie: "deleted", and still there, once', faults: timesEach(1, some) },
  { name: 'a lie: "deleted", and still there, twice', faults: timesEach(2, ofTarget) },
  { name: 'a lie that never ends', faults: timesEach(Infinity, some), blocked: 'error' },
  { name: 'AccessDenied to deletes', faults: deletes({ answer: DENIED }), blocked: 'access denied' },
  {
    name: 'AccessDenied for single keys',
    faults: deletes({ without: some, code: 'AccessDenied', message: 'Access Denied' }),
    blocked: 'access denied',
  },
  { name: 'Object Lock until a date', lock: true, arrange: lockOne, blocked: 'object lock' },
  { name: 'a legal hold', lock: true, arrange: holdOne, blocked: 'legal hold' },
];

async function lockOne(world: World): Promise<() => Promise<void>> {
  const { key, versionId } = await world.someVersion();
  const object = { Bucket: world.bucket, Key: key, VersionId: versionId };
  const RetainUntilDate = new Date(Date.now() + LOCKED_MS);
  await world.s3.send(new PutObjectRetentionCommand({ ...object, Retention: { Mode: 'COMPLIANCE', RetainUntilDate } }));
  return async () => {
    const { Retention } = await world.s3.send(new GetObjectRetentionCommand(object));
    await sleep(Math.max(0, (Retention?.RetainUntilDate?.getTime() ?? 0) - Date.now()) + 1_000);
  };
}

async function holdOne(world: World): Promise<() => Promise<void>> {
  const { key, versionId } = await world.someVersion();
  const hold = (Status: 'ON' | 'OFF') =>
    world.s3.send(
      new PutObjectLegalHoldCommand({
        Bucket: world.bucket,
        Key: key,
        VersionId: versionId,
        LegalHold: { Status },
      }),
    );
  await hold('ON');
  return async () => void (await hold('OFF'));
}
