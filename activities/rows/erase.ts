import type { S3Client } from '@aws-sdk/client-s3';
import type { PurgeWork } from '../../contracts/purge/index.js';
import { fail, isFailure } from '../errors.js';
import { unreadableAdvice, type BlockedEntries } from './blocked.js';
import { searchVersion, type Searched } from './content.js';
import type { RowCopies } from './copies.js';
import type { Journal } from './journal.js';
import { rewriteObject } from './rewrite.js';
import { derivedOf, type RowSearch } from './search.js';
import { entriesOf, entryOf, eraseVersions, type Entry, type Version } from './versions.js';

/** How often an object may be uploaded anew while it is rewritten. */
const MOST_UPLOADS = 5;

/** What this try did; what every try found is in the journal. */
export interface EraseTally {
  objectsSearched: number;
  versionsErased: number;
}

export interface EraseRows {
  readonly s3: S3Client;
  readonly work: PurgeWork;
  readonly search: RowSearch;
  readonly journal: Journal;
  readonly blocked: BlockedEntries;
  readonly tally: EraseTally;
  readonly copies: Pick<RowCopies, 'noteLinks' | 'eraseDerived'>;
}

type Found = Extract<Searched, { state: 'searched' }>;

/**
 * Erases the rows of one key: the current version is replaced by one without them, and then every old version goes, as each may hold them.
 * A key whose current version has none, or is deleted, is looked at further down: an earlier try may have stopped half-way.
 */
export async function eraseFromKey(it: EraseRows, first: Entry): Promise<void> {
  await eraseFromVersions(it, first);
  it.tally.objectsSearched += 1;
}

async function eraseFromVersions(it: EraseRows, first: Entry): Promise<void> {
  let entry = first;
  /** ETag of what was written here, or was found to be clean. */
  let clean: string | undefined;
  let rewritten = false;
  for (let upload = 0; upload <= MOST_UPLOADS; upload++) {
    const current = entry.versions.find(({ latest, marker }) => latest && !marker);
    if (current && current.etag !== clean) {
      const replaced = await replace(it, entry, current);
      if (replaced.what === 'deleted') return;
      if (replaced.what === 'rewritten') rewritten = true;
      clean = replaced.etag;
      if (replaced.what !== 'left') {
        entry = await entryOf(it.s3, entry.bucket, entry.key);
        continue;
      }
    }
    const old = entry.versions.filter(({ latest, marker }) => !latest && !marker);
    if (old.length > 0 && (rewritten || (await anyHolds(it, entry, old)))) await erase(it, entry, old);
    return;
  }
  throw fail(
    'ServiceUnavailable',
    `an object of bucket ${entry.bucket} is uploaded again and again while its rows are erased; trying again. If it lasts, stop who uploads it`,
  );
}

/** Writes the current version anew if it has rows to go; deletes it, in all its versions, if nothing would be left. */
async function replace(
  it: EraseRows,
  entry: Entry,
  version: Version,
): Promise<{ readonly what: 'left' | 'rewritten' | 'deleted' | 'again'; readonly etag?: string }> {
  const { s3, search, journal } = it;
  const object = { bucket: entry.bucket, key: entry.key, version };
  const seen = await searchVersion(s3, object, search);
  if (seen.state === 'changed') return { what: 'again' };
  const left = { what: 'left', etag: version.etag } as const;
  if (!judged(it, entry, seen) || seen.rows === 0) return left;
  await beforeErasing(it, entry);
  const what = seen.kept === 0 ? 'deleted' : 'rewritten';
  await journal.note(object, { ...seen, what, bytes: version.size });
  if (what === 'deleted') {
    await erase(
      it,
      entry,
      entry.versions.filter(({ marker }) => !marker),
    );
    // What is still there is locked, and told as such; or another upload, which the verify step finds.
    return { what };
  }
  const done = await rewriteObject(s3, object, search).catch((error: unknown) => {
    if (!isFailure(error, 'AccessDenied', 'KeyUnusable', 'InvalidRequest')) throw error;
    it.blocked.add('access denied', `bucket ${entry.bucket}: ${error.message.replace(/^.*?failed: /, '')}`);
    return undefined;
  });
  if (done === 'changed') return { what: 'again' };
  if (done === undefined) return left;
  return { what, etag: done.etag };
}

/** Tells what keeps an object from being searched, wholly or in part. Answers whether it could be. */
function judged(it: EraseRows, { bucket }: Entry, seen: Exclude<Searched, { state: 'changed' }>): seen is Found {
  if (seen.state === 'unreadable') it.blocked.add('error', unreadableAdvice(bucket, seen.why));
  else if (seen.short > 0)
    it.blocked.add('error', unreadableAdvice(bucket, `it has rows of fewer than ${it.search.column} columns`));
  return seen.state === 'searched';
}

/** Whether one of the old versions holds rows, newest first. Versions of equal content are read once. */
async function anyHolds(it: EraseRows, entry: Entry, old: readonly Version[]): Promise<boolean> {
  const read = new Set<string>();
  for (const version of old) {
    if (read.has(version.etag)) continue;
    read.add(version.etag);
    const object = { bucket: entry.bucket, key: entry.key, version };
    const seen = await searchVersion(it.s3, object, it.search);
    if (seen.state === 'changed' || !judged(it, entry, seen) || seen.rows === 0) continue;
    await beforeErasing(it, entry);
    await it.journal.note(object, { ...seen, what: 'old versions', bytes: version.size });
    return true;
  }
  return false;
}

async function erase(it: EraseRows, entry: Entry, versions: readonly Version[]): Promise<void> {
  const bypassGovernance = it.work.options.bypassGovernance === true;
  const erased = await eraseVersions(it.s3, entry, versions, { bypassGovernance, blocked: it.blocked });
  it.tally.versionsErased += erased;
}

/** What could not be told any more once the rows are gone, and the mirror has followed. */
async function beforeErasing(it: EraseRows, entry: Entry): Promise<void> {
  await it.copies.noteLinks(entry);
  await eraseDerived(it, entry);
}

/** Erases what was made of an object, whole: before the object is touched, as later nothing would tell that it had to go. */
async function eraseDerived(it: EraseRows, { bucket, key }: Entry): Promise<void> {
  for (const copy of derivedOf({ bucket, key }, it.work.storage)) {
    for await (const entry of entriesOf(it.s3, copy)) await erase(it, entry, entry.versions);
    await it.copies.eraseDerived(copy);
  }
}
