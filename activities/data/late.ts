import { setTimeout as sleep } from 'node:timers/promises';
import { cancellationSignal } from '@temporalio/activity';
import type { Definition } from '../../contracts/definition/index.js';
import { parseS3Uri } from '../../contracts/names.js';
import { isPurgedKey, purgedKey } from '../../contracts/purge/lineage.js';
import type { FileEntry, FileRecord } from '../../contracts/records.js';
import { isFailure } from '../errors.js';
import { penOf } from '../lineage/pen.js';
import { eraseOldRecords, redactFolder } from '../lineage/records.js';
import { readRecord } from '../s3/records.js';
import type { ListingDeps } from './listing.js';
import { admit } from './tombstones.js';

/** How often manifests are written that a purge has changed, and the pause after each: a purge needs a moment from a run's manifests to its file record. */
const TURNS = 3;
const PAUSE_MS = 500;

/**
 * Writes what follows from a run's file record, its manifests, and takes out what is purged. A try before this one may have left manifests that
 * differ from the file record by what a purge has taken out of one of the two: then both are made equal, and it goes on with what is left.
 * Answers the files as the record has them.
 * @throws RecordConflict if they differ by anything else
 */
export async function writeAgreed<T>(
  deps: ListingDeps,
  definition: Definition,
  { fileRecordUri, files }: { readonly fileRecordUri: string; readonly files: readonly FileEntry[] },
  write: (files: readonly FileEntry[]) => Promise<T>,
): Promise<{ readonly files: readonly FileEntry[]; readonly written: T }> {
  let now = files;
  for (let turn = 1; ; turn += 1) {
    try {
      const written = await write(now);
      await leaveOutPurged(deps, definition, fileRecordUri, now);
      return { files: now, written };
    } catch (error) {
      if (!isFailure(error, 'RecordConflict') || turn === TURNS) throw error;
    }
    await sleep(PAUSE_MS, undefined, { signal: cancellationSignal() });
    await leaveOutPurged(deps, definition, fileRecordUri, now);
    const { bucket, key } = parseS3Uri(fileRecordUri);
    now = (await readRecord<FileRecord>(deps.s3, bucket, key))?.record.files ?? now;
  }
}

/**
 * Takes out of the records that a run has just written what a purge began to erase after the run had listed it: the purge itself may have looked
 * for such records already. Out of manifests also what the file record has lost. Costs one request where there is nothing of the kind.
 */
async function leaveOutPurged(
  { s3, hashes }: ListingDeps,
  { data: { bucket } }: Definition,
  fileRecordUri: string,
  files: readonly FileEntry[],
): Promise<void> {
  const plain = files.filter(({ key }) => !isPurgedKey(key));
  const gone = new Set(files.map(({ key }) => key).filter(isPurgedKey));
  const { admitted } = await admit(s3, hashes, { bucket, files: plain });
  const late = new Set(plain.filter((file) => !admitted.has(file)).map(({ key }) => key));
  if (late.size + gone.size === 0) return;
  const keyed = await hashes();
  const inPlaceOf = (key: string) => purgedKey(keyed.object(bucket, key));
  await redactFolder(s3, penOf(s3), fileRecordUri, {
    isTarget: (key) => late.has(key) || (gone.size > 0 && gone.has(inPlaceOf(key))),
    inPlaceOf,
  });
  await eraseOldRecords(s3, fileRecordUri);
}
