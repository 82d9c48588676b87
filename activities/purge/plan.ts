import { Context } from '@temporalio/activity';
import type { S3Client } from '@aws-sdk/client-s3';
import { s3Uri } from '../../contracts/names.js';
import type { EntryCounts, PurgePlanObjects, PurgeWork } from '../../contracts/purge/index.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { writeJson } from '../s3/answer.js';
import { Blocks, type Reason } from './blocks.js';
import { lockOf, protectionOf, withLocks, type BucketLock } from './buckets.js';
import { choose, isLater } from './choose.js';
import { groupsOf } from './groups.js';
import { forEachOf, inOrder } from './streams.js';
import { survey } from './survey.js';
import type { Tally } from './tally.js';
import { isObject, type Target } from './targets.js';
import { Uploads } from './uploads.js';

const TARGETS_AT_ONCE = 16;
/** Targets that the answer lists. */
const LISTED = 10_000;
const DAY_MS = 86_400_000;
/** Versions whose own lock is looked at, as many as the verify step does: two calls each. */
const LOOKED_AT = 10_000;
/** Keys of a target whose versions are looked at together. */
const LOOKS_AT_ONCE = 8;

type Counts = { -readonly [Name in keyof EntryCounts]: EntryCounts[Name] };
type Planned = PurgePlanObjects['targets'][number];

const none = (): Counts => ({ versions: 0, markers: 0, uploads: 0, bytes: 0 });
const add = (sum: Counts, more: Counts) => {
  for (const name of ['versions', 'markers', 'uploads', 'bytes'] as const) sum[name] += more[name];
};
const uriOf = (target: Target) => s3Uri(target.bucket, isObject(target) ? target.key : target.prefix);

/** Lists what would be erased, and writes it to the exchange object: the only place where keys stand. */
export async function planObjects(
  s3: S3Client,
  { outputUri, ...work }: PurgeWork & { outputUri: string },
  tally: Tally,
  hashes: () => Promise<KeyedHashes>,
): Promise<{ bytes: number }> {
  const signal = Context.current().cancellationSignal;
  const { list, settings, buckets: plain } = await survey(s3, work, hashes, signal);
  const buckets = await withLocks(s3, plain, signal);
  const locks = new Map<string, BucketLock>();
  for (const { bucket, objectLock } of buckets)
    if (objectLock) locks.set(bucket, (await lockOf(s3, bucket, signal)) ?? {});
  const uploads = new Uploads(s3, list.common, signal);
  const blocks = new Blocks();
  const total = none();
  const targets: Planned[] = [];
  let more = 0;
  let looks = 0;
  let locksNotSeen = 0;

  /** What would keep a version: its own lock, or as the bucket's default lets expect where that can't be seen. */
  async function look(bucket: string, key: string, versionId: string, modified: number): Promise<void> {
    const lock = locks.get(bucket);
    if (!lock) return;
    const seen = looks < LOOKED_AT;
    if (seen) looks += 1;
    else locksNotSeen += 1;
    const own = seen ? await protectionOf(s3, { bucket, key, versionId }, signal) : undefined;
    const until = lockedUntil(lock, modified);
    const reason: Reason | undefined =
      own ?? (until === undefined ? undefined : { by: 'object lock', until, detail: lock.mode ?? '' });
    if (!reason || (reason.detail === 'GOVERNANCE' && work.options.bypassGovernance)) return;
    blocks.add(bucket, reason);
  }

  /** What lies under two targets is shown with both, and adds up once. */
  async function count(place: Target, counts: Counts, once: boolean): Promise<void> {
    const { bucket } = place;
    const groups = groupsOf({ s3, signal, onPage: () => (tally.pages += 1) }, place);
    await forEachOf(groups, LOOKS_AT_ONCE, async (group) => {
      const { versions, markers } = choose(group, work);
      counts.versions += versions.length;
      counts.markers += markers.length;
      counts.bytes += versions.reduce((sum, { size }) => sum + size, 0);
      if (!once) return;
      if (settings.get(bucket)?.mfaDelete) blocks.add(bucket, { by: 'mfa delete' }, versions.length + markers.length);
      for (const { versionId, modified } of locks.has(bucket) ? versions : [])
        await look(bucket, group.key, versionId, modified);
    });
    for await (const { initiated } of uploads.of(place))
      if (work.options.uploads === 'purge' || !isLater(initiated, work.ref.startedAt)) counts.uploads += 1;
  }

  const take = inOrder<Planned>((planned) => {
    if (targets.length < LISTED) targets.push(planned);
    else more += 1;
  });
  await forEachOf(list.places(), TARGETS_AT_ONCE, async ({ target, places, own }, index) => {
    const counts = none();
    for (const place of places) {
      const once = own.includes(place);
      const here = none();
      await count(place, here, once);
      add(counts, here);
      if (once) add(total, here);
    }
    tally.targets += 1;
    take(index, { ...counts, uri: uriOf(target), copies: places.slice(1).map(uriOf) });
  });
  const plan: PurgePlanObjects = {
    total,
    buckets,
    targets,
    more,
    blocked: blocks.list(),
    ...(locksNotSeen > 0 && { locksNotSeen }),
  };
  return writeJson(s3, { outputUri, kmsKey: work.storage.records.key }, plan);
}

/** Until when the bucket's default retention would protect an object of that age, if it still does; milliseconds. */
function lockedUntil(lock: BucketLock | undefined, modified: number): number | undefined {
  if (lock?.days === undefined) return undefined;
  const until = modified + lock.days * DAY_MS;
  return until > Date.now() ? until : undefined;
}
