import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteObjectCommand, DeleteObjectsCommand, type S3Client } from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import { isFailure } from '../errors.js';
import { answeredByS3 } from '../s3/objects.js';
import type { Reason } from './blocks.js';
import { protectionOf } from './buckets.js';
import { isPassing, quietly } from './failures.js';
import type { Pace } from './pace.js';
import { fitsXml } from './wire.js';

/** DeleteObjects takes so many at once (S3 API reference). */
export const BATCH = 1_000;
/** Entries that can't be in a bulk delete, or whose lock is looked at, at once. */
const SINGLY = 16;
/** Codes of single entries that a later try may not meet again. */
const PASSING =
  /^(InternalError|SlowDown|ServiceUnavailable|RequestTimeout|OperationAborted|ConditionalRequestConflict|Throttling\w*|5\d\d \w+)$/;
const ABSENT = /^NoSuch(Key|Version)$/;
const LONGEST_PAUSE_MS = 10_000;

/** An entry to erase, as small as it can be: many wait in memory. */
export interface Doomed {
  readonly key: string;
  /** Absent in a bucket that never had versions. */
  readonly versionId?: string;
  /** Only if it still is the one that was listed. */
  readonly etag?: string;
  readonly size: number;
  readonly marker?: true;
  /** Set on one entry a key. */
  readonly counts?: true;
  /** Uploaded since the purge began. */
  readonly later?: true;
  /** Stands for it in the note of its window. */
  readonly digest?: string;
  /** Stands in the note of an earlier try, which counts it. */
  readonly begun?: true;
}

export interface Deletion {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly pace: Pace;
  readonly bypassGovernance: boolean;
  /** Whether the bucket has Object Lock; asked only once something is denied. */
  readonly objectLock: () => Promise<boolean>;
  /** Ends it between two calls. */
  readonly signal: AbortSignal;
  /** Ends a call that is under way. */
  readonly calls: AbortSignal;
  /** Milliseconds without any progress after which it gives up. */
  readonly patience: number;
}

/** What became of the entries of a batch; all the others are gone. */
export interface Refused {
  readonly blocked: readonly { readonly entry: Doomed; readonly reason: Reason }[];
  /** Replaced since they were listed. */
  readonly changed: readonly Doomed[];
  /** Not known to be gone when it was cancelled. */
  readonly open: readonly Doomed[];
}

interface Verdict {
  readonly entry: Doomed;
  readonly code: string;
  readonly message: string;
}

/**
 * Deletes at most 1,000 entries in their order. Those that S3 could not delete just now are tried again alone, ever more slowly; a refusal is
 * final, and comes back with its reason. Once it is cancelled it asks for nothing more, and still says what is gone.
 * @throws Throttled, ServiceUnavailable or NetworkError once patience is at an end, without a key in the message
 */
export async function deleteBatch(deletion: Deletion, entries: readonly Doomed[]): Promise<Refused> {
  const refused: Verdict[] = [];
  const changed: Doomed[] = [];
  let left: readonly Doomed[] = entries;
  for (let tries = 0, since = Date.now(); left.length > 0 && !deletion.signal.aborted; tries += 1) {
    const verdicts = await attempt(deletion, left, since);
    if (verdicts === undefined) {
      await pause(tries, deletion.signal);
      continue;
    }
    const again: Doomed[] = [];
    for (const verdict of verdicts) {
      if (ABSENT.test(verdict.code)) continue;
      if (verdict.code === 'PreconditionFailed') changed.push(verdict.entry);
      else if (PASSING.test(verdict.code) && Date.now() - since < deletion.patience) again.push(verdict.entry);
      else refused.push(verdict);
    }
    const slow = verdicts.find(({ code }) => code === 'SlowDown');
    if (slow) deletion.pace.slow(deletion.bucket, slow.entry.key);
    if (again.length < left.length) {
      since = Date.now();
      tries = 0;
    }
    left = again;
    if (left.length > 0) await pause(tries, deletion.signal);
  }
  if (deletion.signal.aborted) return { blocked: [], changed, open: [...left, ...refused.map(({ entry }) => entry)] };
  return { blocked: await reasons(deletion, refused), changed, open: [] };
}

/** One try: what S3 said of single entries, or undefined if it took none of them. */
async function attempt(
  deletion: Deletion,
  entries: readonly Doomed[],
  since: number,
): Promise<readonly Verdict[] | undefined> {
  const { bucket, pace, signal } = deletion;
  const first = entries[0]?.key ?? '';
  try {
    await pace.take(bucket, first, entries.length, signal);
    const bulk = entries.filter(({ key }) => fitsXml(key));
    const single = bulk.length === entries.length ? [] : entries.filter(({ key }) => !fitsXml(key));
    const verdicts = bulk.length > 0 ? await deleteMany(deletion, bulk) : [];
    // One after another for each key, as their order matters; keys that need it are few.
    for (const entry of single) verdicts.push(...(await deleteOne(deletion, entry)));
    return verdicts;
  } catch (error) {
    if (signal.aborted) return undefined;
    if (isFailure(error, 'Throttled')) pace.slow(bucket, first);
    if (!isPassing(error) || Date.now() - since >= deletion.patience) throw error;
    return undefined;
  }
}

async function deleteMany(
  { s3, bucket, bypassGovernance, calls }: Deletion,
  entries: readonly Doomed[],
): Promise<Verdict[]> {
  const about = { resource: `bucket ${bucket}`, action: 'delete versions', permission: 's3:DeleteObjectVersion' };
  const Objects = entries.map(({ key, versionId, etag }) => ({ Key: key, VersionId: versionId, ETag: etag }));
  try {
    const answer = await quietly(about, () =>
      s3.send(
        new DeleteObjectsCommand({
          Bucket: bucket,
          // Quiet: only errors come back.
          Delete: { Objects, Quiet: true },
          ...(bypassGovernance && { BypassGovernanceRetention: true }),
        }),
        { abortSignal: calls },
      ),
    );
    answeredByS3(answer.$metadata.requestId, about.resource);
    return (answer.Errors ?? []).flatMap(({ Key, VersionId, Code, Message }) => {
      const entry = entries.find(
        ({ key, versionId }) => key === Key && (versionId === undefined || versionId === VersionId),
      );
      // One that none of ours answers to: the next listing tells.
      return entry ? [{ entry, code: Code ?? 'UnknownError', message: Message ?? '' }] : [];
    });
  } catch (error) {
    // A policy may deny the call as a whole.
    if (isFailure(error, 'AccessDenied')) return entries.map((entry) => ({ entry, code: 'AccessDenied', message: '' }));
    throw error;
  }
}

async function deleteOne(
  { s3, bucket, bypassGovernance, calls }: Deletion,
  entry: Doomed,
): Promise<readonly Verdict[]> {
  const about = { resource: `bucket ${bucket}`, action: 'delete a version', permission: 's3:DeleteObjectVersion' };
  try {
    await quietly(about, () =>
      s3.send(
        new DeleteObjectCommand({
          Bucket: bucket,
          Key: entry.key,
          VersionId: entry.versionId,
          IfMatch: entry.etag,
          ...(bypassGovernance && { BypassGovernanceRetention: true }),
        }),
        { abortSignal: calls },
      ),
    );
    return [];
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return [];
    const code = isFailure(error, 'RecordConflict')
      ? 'PreconditionFailed'
      : isFailure(error, 'AccessDenied')
        ? 'AccessDenied'
        : undefined;
    if (code === undefined) throw error;
    return [{ entry, code, message: '' }];
  }
}

/** Looks for the lock behind each refusal. */
async function reasons(
  { s3, bucket, objectLock, signal }: Deletion,
  refused: readonly Verdict[],
): Promise<Refused['blocked']> {
  const lockable = refused.some(({ code }) => code === 'AccessDenied') && (await objectLock());
  return pLimit(SINGLY).map(refused, async ({ entry, code, message }) => {
    if (code !== 'AccessDenied')
      return { entry, reason: { by: 'error', detail: /^\w{1,60}$/.test(code) ? code : '' } as const };
    const { key, versionId = 'null' } = entry;
    const lock = lockable ? await protectionOf(s3, { bucket, key, versionId }, signal) : undefined;
    // Locked for sure, by what nobody may read.
    const told = /object lock/i.test(message) ? ({ by: 'object lock' } as const) : ({ by: 'access denied' } as const);
    return { entry, reason: lock ?? told };
  });
}

/** Ever longer, and never quite the same: batches that failed together don't come back together. Over at once when it is cancelled. */
async function pause(tries: number, signal: AbortSignal): Promise<void> {
  const longest = Math.min(LONGEST_PAUSE_MS, 200 * 2 ** tries);
  await sleep(longest * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
}
