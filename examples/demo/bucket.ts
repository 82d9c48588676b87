import { setMaxListeners } from 'node:events';
import { GetObjectCommand, PutObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import { parseS3Uri } from '../../contracts/names.js';
import type { FileRecord } from '../../contracts/records.js';

/** Uploads under way at once. */
const AT_ONCE = 32;

/** Dates of the objects `<prefix>YYYY-MM-DD.csv`. */
export async function uploadedDates(s3: S3Client, bucket: string, prefix: string): Promise<Set<string>> {
  const dates = new Set<string>();
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix })) {
    for (const { Key = '' } of page.Contents ?? []) {
      const date = /^(\d{4}-\d\d-\d\d)\.csv$/.exec(Key.slice(prefix.length))?.[1];
      if (date !== undefined) dates.add(date);
    }
  }
  return dates;
}

/** Puts `<prefix><date>.csv` for each day, encrypted with the key of this alias. */
export async function uploadDays(
  s3: S3Client,
  { bucket, prefix, keyAlias }: { bucket: string; prefix: string; keyAlias: string },
  days: readonly { readonly date: string; readonly csv: string }[],
  abortSignal?: AbortSignal,
): Promise<void> {
  const put = ({ date, csv }: { date: string; csv: string }) =>
    s3.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: `${prefix}${date}.csv`,
        Body: csv,
        ContentType: 'text/csv',
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: keyAlias,
      }),
      { abortSignal },
    );
  // Each upload listens, and so does whoever gave the signal.
  if (abortSignal) setMaxListeners(2 * AT_ONCE, abortSignal);
  await pLimit(AT_ONCE).map(days, put);
}

/** What a run trained on, from its record in S3. */
export async function readFileRecord(s3: S3Client, uri: string): Promise<FileRecord> {
  const { bucket, key } = parseS3Uri(uri);
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  if (!Body) throw new Error(`The file record ${uri} is empty.`);
  return JSON.parse(await Body.transformToString()) as FileRecord;
}
