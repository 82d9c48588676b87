import type { S3Client } from '@aws-sdk/client-s3';
import { activityInfo } from '@temporalio/activity';
import { s3Uri } from '../../contracts/names.js';
import type { RowActivities, RowsErased, RowsPlan } from '../../contracts/purge/index.js';
import { heldOnMounts } from '../../contracts/purge/mounts.js';
import type { Mirroring } from '../mounts/mirror.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { forEachOf } from '../purge/streams.js';
import { writeJson } from '../s3/answer.js';
import { BlockedEntries } from './blocked.js';
import { searchVersion } from './content.js';
import { rowCopies } from './copies.js';
import { eraseFromKey, type EraseTally } from './erase.js';
import { patiently } from './patience.js';
import { Journal } from './journal.js';
import { openSearch, type RowSearch } from './search.js';
import { suppress } from './suppressed.js';
import { verify } from './verify.js';
import { entriesOf, type Entry } from './versions.js';

/** Most objects that a plan names. */
const MOST_NAMED = 10_000;
/** Targets that are worked on at the same time, and keys of each; so many parts of uploads are in memory at the most. */
const TARGETS_AT_ONCE = 2;
const KEYS_AT_ONCE = 4;

interface Dependencies {
  readonly s3: S3Client;
  readonly hashes: () => Promise<KeyedHashes>;
  readonly mirroring: Pick<Mirroring, 'mirrorOne'>;
}

/** Stage "rows" of a purge: single rows of CSV objects, found by the value of one column. */
export function createRowActivities({ s3, hashes, mirroring }: Dependencies): RowActivities {
  return {
    async planRows({ outputUri, ...work }) {
      let searchedObjects = 0;
      const search = await openSearch(s3, work, hashes, () => searchedObjects);
      const plan = { objects: [] as RowsPlan['objects'][number][], more: 0, rows: 0 };
      const unreadable: RowsPlan['unreadable'][number][] = [];
      await eachKey(s3, search, async (entry) => {
        searchedObjects += 1;
        const { rows, why } = await patiently(() => rowsUnder(s3, entry, search));
        const uri = s3Uri(entry.bucket, entry.key);
        if (why !== undefined && unreadable.length < MOST_NAMED) unreadable.push({ uri, why });
        if (rows === 0) return;
        plan.rows += rows;
        if (plan.objects.length < MOST_NAMED) plan.objects.push({ uri, rows });
        else plan.more += 1;
      });
      const answer: RowsPlan = { ...plan, searched: searchedObjects, unreadable };
      return writeJson(s3, { outputUri, kmsKey: work.storage.records.key }, answer);
    },

    async eraseRows(work): Promise<RowsErased> {
      const before = activityInfo().heartbeatDetails as EraseTally | undefined;
      const tally: EraseTally = { objectsSearched: 0, versionsErased: before?.versionsErased ?? 0 };
      const search = await openSearch(s3, work, hashes, () => tally);
      const keyed = await hashes();
      await suppress(s3, keyed, work, search);
      const journal = new Journal(s3, keyed, work);
      const blocked = new BlockedEntries();
      const copies = rowCopies({ s3, work, search, journal, blocked, mirroring });
      await eachKey(s3, search, async (entry) => {
        search.alive();
        await patiently(() => eraseFromKey({ s3, work, search, journal, blocked, tally, copies }, entry));
      });
      const followed = await copies.follow();
      const { links, ...sum } = await journal.sum(() => search.alive());
      const held = heldOnMounts({ 'file with other links': links });
      return {
        ...tally,
        ...sum,
        blocked: [...blocked.list(), ...held],
        values: search.values.size,
        copies: followed,
      };
    },

    async verifyRows(work) {
      const search = await openSearch(s3, work, hashes, () => undefined);
      return verify(s3, await hashes(), work, search);
    },
  };
}

/** Does something with every key of every target, and of its copies with the same rows, once. */
function eachKey(s3: S3Client, { list }: RowSearch, act: (entry: Entry) => Promise<void>): Promise<void> {
  return forEachOf(list.places(), TARGETS_AT_ONCE, async ({ own }) => {
    for (const place of own) await forEachOf(entriesOf(s3, place), KEYS_AT_ONCE, act);
  });
}

/** Rows of the newest version that has any, and what keeps a version from being searched. */
async function rowsUnder(
  s3: S3Client,
  { bucket, key, versions }: Entry,
  search: RowSearch,
): Promise<{ rows: number; why?: string }> {
  let why: string | undefined;
  for (const version of versions) {
    if (version.marker) continue;
    const seen = await searchVersion(s3, { bucket, key, version }, search);
    if (seen.state === 'changed') continue;
    if (seen.state === 'unreadable') why ??= seen.why;
    else {
      if (seen.short > 0)
        why ??= `${seen.short === 1 ? '1 row has' : `${seen.short} rows have`} fewer than ${search.column} columns`;
      if (seen.rows > 0) return { rows: seen.rows, ...(why !== undefined && { why }) };
    }
  }
  return { rows: 0, ...(why !== undefined && { why }) };
}
