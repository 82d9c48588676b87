import type { S3Client } from '@aws-sdk/client-s3';
import { activityInfo } from '@temporalio/activity';
import {
  purgePrefix,
  type CopiesErased,
  type PurgeWork,
  type RowsVerified,
  type TargetReport,
} from '../../contracts/purge/index.js';
import { s3Uri } from '../../contracts/names.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { ReportObject } from '../purge/report.js';
import { forEachOf } from '../purge/streams.js';
import { isObject, type Target } from '../purge/targets.js';
import { searchVersion } from './content.js';
import { copiesWithRows } from './verify-copies.js';
import { patiently } from './patience.js';
import type { RowSearch } from './search.js';
import { entriesOf, type Entry } from './versions.js';

/** What was found under one key, over all its versions. */
interface Holding {
  rows: number;
  /** Versions with rows. */
  versions: number;
  /** Whether the current version has rows and came after the purge began. */
  later: boolean;
  /** Versions of which nothing, or not all, is known. */
  unreadable: number;
}

/** Targets, and within each keys, that are read at the same time. */
const AT_ONCE = 4;

/** Reads every version of every object, and every file that is no copy, again and writes a line a target (TargetReport) for the ledger. */
export async function verify(
  s3: S3Client,
  hashes: KeyedHashes,
  work: PurgeWork,
  search: RowSearch,
): Promise<RowsVerified> {
  const { bucket } = work.storage.records;
  const { activityId, attempt } = activityInfo();
  // A try that was given up and lives on writes to another.
  const key = `${purgePrefix(work.ref)}rows-${activityId}-${attempt}.jsonl`;
  const since = Date.parse(work.ref.startedAt);
  const lines = new ReportObject(s3, s3Uri(bucket, key), work.storage);
  const sum = { rows: 0, objects: 0, unreadable: 0 };
  let copies: CopiesErased;
  try {
    await forEachOf(search.list.places(), AT_ONCE, async ({ target, places, own }) => {
      const report = { remaining: 0, later: 0, blocked: 0 };
      for (const place of places) {
        await forEachOf(entriesOf(s3, place), AT_ONCE, async (entry) => {
          const held = await patiently(() => holding(s3, entry, search, since));
          // What lies under two targets stands in the line of both, and adds up once.
          if (own.includes(place)) {
            sum.rows += held.rows;
            if (held.rows > 0) sum.objects += 1;
            sum.unreadable += held.unreadable;
          }
          report.remaining += held.versions;
          report.blocked += held.unreadable;
          if (held.later) report.later += 1;
        });
      }
      lines.write(reportOf(hashes, target, report));
      await lines.drained();
    });
    copies = await copiesWithRows(s3, work, search);
  } catch (error) {
    await lines.discard();
    throw error;
  }
  return { ...sum, copies, ...(await lines.end()) };
}

async function holding(
  s3: S3Client,
  { bucket, key, versions }: Entry,
  search: RowSearch,
  since: number,
): Promise<Holding> {
  const held: Holding = { rows: 0, versions: 0, later: false, unreadable: 0 };
  for (const version of versions) {
    if (version.marker) continue;
    const seen = await searchVersion(s3, { bucket, key, version }, search);
    // Another object is there since it was listed: nothing is known of that one.
    if (seen.state !== 'searched' || seen.short > 0) held.unreadable += 1;
    if (seen.state !== 'searched' || seen.rows === 0) continue;
    held.rows += seen.rows;
    held.versions += 1;
    held.later ||= version.latest && version.modified > since;
  }
  return held;
}

function reportOf(
  hashes: KeyedHashes,
  target: Target,
  counts: Pick<TargetReport, 'remaining' | 'later' | 'blocked'>,
): TargetReport {
  const { bucket } = target;
  return isObject(target)
    ? { hash: hashes.object(bucket, target.key), kind: 'object', bucket, ...counts }
    : { hash: hashes.prefix(bucket, target.prefix), kind: 'prefix', bucket, ...counts };
}
