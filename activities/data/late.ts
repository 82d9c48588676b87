import type { Definition } from '../../contracts/definition/index.js';
import { isPurgedKey, purgedKey } from '../../contracts/purge/lineage.js';
import type { FileEntry } from '../../contracts/records.js';
import { penOf } from '../lineage/pen.js';
import { eraseOldRecords, redactFolder } from '../lineage/records.js';
import type { ListingDeps } from './listing.js';
import { admit } from './tombstones.js';

/**
 * Takes out of the records that a run has just written what a purge began to erase after the run had listed it: the purge itself may have looked
 * for such records already. Costs one request where there is nothing of the kind.
 */
export async function leaveOutLate(
  { s3, hashes }: ListingDeps,
  { data: { bucket } }: Definition,
  fileRecordUri: string,
  files: readonly FileEntry[],
): Promise<void> {
  const plain = files.filter(({ key }) => !isPurgedKey(key));
  const { admitted } = await admit(s3, hashes, { bucket, files: plain });
  const late = new Set(plain.filter((file) => !admitted.has(file)).map(({ key }) => key));
  if (late.size === 0) return;
  const keyed = await hashes();
  await redactFolder(s3, penOf(s3), fileRecordUri, {
    isTarget: (key) => late.has(key),
    inPlaceOf: (key) => purgedKey(keyed.object(bucket, key)),
  });
  await eraseOldRecords(s3, fileRecordUri);
}
