import type { S3Client } from '@aws-sdk/client-s3';
import { parseS3Uri, s3Uri } from '../../contracts/names.js';
import type { FileRecord } from '../../contracts/records.js';
import type { Pen } from './pen.js';
import { keysUnder } from './rewrite.js';
import { eraseVersions } from './versions.js';

/** What is to be taken out of a run's records. */
export interface Redaction {
  readonly isTarget: (key: string) => boolean;
  /** What stands in file records in place of a target's key. */
  readonly inPlaceOf: (key: string) => string;
}

type Manifest = readonly [{ readonly prefix: string }, ...string[]];

/** Folder of a run's records, by its file record. */
export function folderOf(fileRecordUri: string): { readonly bucket: string; readonly folder: string } {
  const { bucket, key } = parseS3Uri(fileRecordUri);
  return { bucket, folder: key.slice(0, key.lastIndexOf('/') + 1) };
}

/** Takes keys out of a run's manifests and, last of all, its file record; answers how many changed. */
export async function redactFolder(
  s3: S3Client,
  pen: Pen,
  fileRecordUri: string,
  { isTarget, inPlaceOf }: Redaction,
): Promise<{ manifests: number; fileRecords: number }> {
  const { bucket, folder } = folderOf(fileRecordUri);
  const names = (await keysUnder(s3, bucket, folder)).filter(
    (key) => key.endsWith('.manifest') && isRecord(key, folder),
  );
  let manifests = 0;
  for (const name of names) {
    const done = await pen.rewrite<Manifest>(s3Uri(bucket, name), ([head, ...paths]) => {
      const { key: base } = parseS3Uri(head.prefix);
      const kept = paths.filter((path) => !isTarget(base + path));
      return kept.length === paths.length ? undefined : [head, ...kept];
    });
    if (done) manifests += 1;
  }
  const rewritten = await pen.rewrite<FileRecord>(fileRecordUri, (record) => {
    if (!record.files.some(({ key }) => isTarget(key))) return undefined;
    const files = record.files.map((file) => (isTarget(file.key) ? { ...file, key: inPlaceOf(file.key) } : file));
    return { ...record, files };
  });
  return { manifests, fileRecords: rewritten ? 1 : 0 };
}

/** Erases all versions but the newest of what named keys in a run's folder: nothing but a purge ever rewrites it. */
export async function eraseOldRecords(s3: S3Client, fileRecordUri: string): Promise<void> {
  const { bucket, folder } = folderOf(fileRecordUri);
  await eraseVersions(s3, { bucket, prefix: folder }, ({ key, latest }) => !latest && isRecord(key, folder));
}

/** The file record and the manifests of a run's folder. */
function isRecord(key: string, folder: string): boolean {
  const name = key.slice(folder.length);
  return name === 'files.json' || (name.endsWith('.manifest') && !name.includes('/'));
}
