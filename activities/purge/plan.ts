import { Context } from '@temporalio/activity';
import type { S3Client } from '@aws-sdk/client-s3';
import { s3Uri } from '../../contracts/names.js';
import type { EntryCounts, PurgePlanObjects, PurgeWork } from '../../contracts/purge/index.js';
import { writeJson } from '../s3/answer.js';
import { Blocks } from './blocks.js';
import { lockOf, withLocks, type BucketLock } from './buckets.js';
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
): Promise<{ bytes: number }> {
  const signal = Context.current().cancellationSignal;
  const { list, settings, buckets: plain } = await survey(s3, work, signal);
  const buckets = await withLocks(s3, plain, signal);
  const locks = new Map<string, BucketLock>();
  for (const { bucket, objectLock } of buckets)
    if (objectLock) locks.set(bucket, (await lockOf(s3, bucket, signal)) ?? {});
  const uploads = new Uploads(s3, list.common, signal);
  const blocks = new Blocks();
  const total = none();
  const targets: Planned[] = [];
  let more = 0;

  /** What lies under two targets is shown with both, and adds up once. */
  async function count(place: Target, counts: Counts, once: boolean): Promise<void> {
    const { bucket } = place;
    for await (const group of groupsOf({ s3, signal, onPage: () => (tally.pages += 1) }, place)) {
      const { versions, markers } = choose(group, work);
      counts.versions += versions.length;
      counts.markers += markers.length;
      if (once && settings.get(bucket)?.mfaDelete)
        blocks.add(bucket, { by: 'mfa delete' }, versions.length + markers.length);
      for (const { size, modified } of versions) {
        counts.bytes += size;
        const until = lockedUntil(locks.get(bucket), modified);
        if (once && until !== undefined)
          blocks.add(bucket, { by: 'object lock', until, detail: locks.get(bucket)?.mode ?? '' });
      }
    }
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
  const plan: PurgePlanObjects = { total, buckets, targets, more, blocked: blocks.list() };
  return writeJson(s3, { outputUri, kmsKey: work.storage.records.key }, plan);
}

/** Until when the bucket's default retention would protect an object of that age, if it still does; milliseconds. */
function lockedUntil(lock: BucketLock | undefined, modified: number): number | undefined {
  if (lock?.days === undefined) return undefined;
  const until = modified + lock.days * DAY_MS;
  return until > Date.now() ? until : undefined;
}
