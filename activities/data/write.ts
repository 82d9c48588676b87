import type { S3Client } from '@aws-sdk/client-s3';
import type { CheckDataResult, RunRef } from '../../contracts/activities.js';
import type { Definition } from '../../contracts/definition/index.js';
import type { Holdout } from '../../contracts/evaluation.js';
import { fileRecordKey, manifestKey, s3Uri } from '../../contracts/names.js';
import { isPurgedKey } from '../../contracts/purge/lineage.js';
import type { FileEntry, FileRecord } from '../../contracts/records.js';
import { writeOnce } from '../s3/objects.js';
import { parseRecord, recordConflict, recordKey } from '../s3/records.js';
import { HOLDOUT, holdoutOf, judgedChannel } from './holdout.js';
import { channelPrefixes, listedPrefixes } from './listing.js';

/**
 * Writes a run's file record, which fixes what the run looks at. A retry whose answer was lost may see other files by now: then the
 * record that is there holds, and is what this answers. RecordConflict if it is no record of this run.
 */
export async function writeFileRecord(
  s3: S3Client,
  definition: Definition,
  ref: RunRef,
  record: FileRecord,
): Promise<FileRecord> {
  const { bucket, output } = definition.data;
  const key = fileRecordKey(output, ref.runTime);
  const body = JSON.stringify(record);
  const other = await writeOnce(s3, { bucket, key, body, kmsKey: recordKey(definition) });
  if (other === undefined) return record;
  const existing = parseRecord<FileRecord>(other, s3Uri(bucket, key));
  const same = (['run', 'bucket', 'asOf', 'definitionHash'] as const).every(
    (field) => existing[field] === record[field],
  );
  if (!same) throw recordConflict(s3Uri(bucket, key));
  return existing;
}

/** Writes the manifest of every channel that is trained on. */
export async function writeManifests(
  s3: S3Client,
  definition: Definition,
  ref: RunRef,
  files: readonly FileEntry[],
): Promise<CheckDataResult['channels']> {
  return Promise.all(
    channelPrefixes(definition).map(async ({ name, prefix }) => {
      const own = files.filter(({ channel }) => channel === name);
      const manifestUri = await writeManifest(s3, definition, ref, { name, prefix, files: own });
      return { name, manifestUri, files: own.length };
    }),
  );
}

/** Writes the manifest of the files that models are judged on; undefined for a definition that judges none. */
export async function writeHoldout(
  s3: S3Client,
  definition: Definition,
  ref: RunRef,
  files: readonly FileEntry[],
): Promise<Holdout | undefined> {
  const found = holdoutOf(definition, files);
  if (!found) return undefined;
  const name = judgedChannel(definition);
  const prefix = listedPrefixes(definition).find((one) => one.name === name)?.prefix ?? definition.data.prefix;
  const own = files.filter(({ channel }) => channel === name);
  return { ...found, manifestUri: await writeManifest(s3, definition, ref, { name: HOLDOUT, prefix, files: own }) };
}

/** Writes a manifest, newest files first, as SageMaker's ManifestFile wants it. Answers its URI. */
async function writeManifest(
  s3: S3Client,
  definition: Definition,
  ref: RunRef,
  { name, prefix, files }: { readonly name: string; readonly prefix: string; readonly files: readonly FileEntry[] },
): Promise<string> {
  const { bucket, output } = definition.data;
  const key = manifestKey(output, ref.runTime, name);
  const body = manifest(s3Uri(bucket, prefix), prefix.length, files);
  const other = await writeOnce(s3, { bucket, key, body, kmsKey: recordKey(definition) });
  if (other !== undefined) throw recordConflict(s3Uri(bucket, key));
  return s3Uri(bucket, key);
}

/** `[{"prefix":"s3://bucket/p/"},"relative","keys"]`: SageMaker API reference, S3DataSource. */
function manifest(prefixUri: string, prefixLength: number, files: readonly FileEntry[]): string {
  const newestFirst = [...files].sort((a, b) =>
    a.date === b.date ? (a.key < b.key ? -1 : 1) : a.date < b.date ? 1 : -1,
  );
  // A record that is found by a retry may have been redacted by a purge meanwhile.
  const there = newestFirst.filter(({ key }) => !isPurgedKey(key));
  return JSON.stringify([{ prefix: prefixUri }, ...there.map(({ key }) => key.slice(prefixLength))]);
}
