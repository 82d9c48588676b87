import type { S3Client } from '@aws-sdk/client-s3';
import { s3Uri } from '../../contracts/names.js';
import type { RetentionWork } from '../../contracts/retention.js';
import { RECORDS_PREFIX } from '../../contracts/storage/defaults.js';
import { fail } from '../errors.js';
import { readText, writeIf } from '../s3/objects.js';
import { parseRecord, recordKey } from '../s3/records.js';

/** Who is set apart, by keyed hash, and since which day (YYYY-MM-DD). */
export type SetApart = Readonly<Record<string, string>>;

interface DormancyRecord {
  readonly version: 1;
  readonly owners: SetApart;
}

const TRIES = 5;

const keyOf = (model: string) => `${RECORDS_PREFIX}dormancy/${model}.json`;

export async function readSetApart(s3: S3Client, { definition }: Pick<RetentionWork, 'definition'>): Promise<SetApart> {
  return (await stored(s3, definition)).owners;
}

/** Changes who is set apart; if another changed it meanwhile, on what they left. */
export async function changeSetApart(
  s3: S3Client,
  { definition }: Pick<RetentionWork, 'definition'>,
  change: (owners: SetApart) => SetApart,
): Promise<SetApart> {
  const { bucket } = definition.data;
  const key = keyOf(definition.name);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const before = await stored(s3, definition);
    const owners = change(before.owners);
    const body = JSON.stringify({ version: 1, owners } satisfies DormancyRecord);
    if (JSON.stringify(owners) === JSON.stringify(before.owners)) return owners;
    if (await writeIf(s3, { bucket, key, body, kmsKey: recordKey(definition) }, before.etag)) return owners;
  }
  throw fail('ServiceUnavailable', `${s3Uri(bucket, key)} is changed by others all the time; trying again`);
}

async function stored(s3: S3Client, { name, data: { bucket } }: RetentionWork['definition']) {
  const key = keyOf(name);
  const text = await readText(s3, bucket, key);
  return {
    owners: text ? parseRecord<DormancyRecord>(text.body, s3Uri(bucket, key)).owners : {},
    etag: text?.etag,
  };
}
