import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import type { Definition } from '../../contracts/definition/index.js';
import { parseS3Uri, s3Uri } from '../../contracts/names.js';
import { awsSettings, type Env } from '../demo/account.js';
import { uploadDays } from '../demo/bucket.js';
import { keyOf, prepareAccountOf } from '../walk/model.js';
import { featuresOf, linesOf } from '../walk/rows.js';
import { byMonth, type HousingSplit } from './data.js';

/** Looks under way at once. */
const AT_ONCE = 32;

/** A key as it is found on a resource. */
export interface KeyFound {
  /** The resource: `S3 object s3://…`, `volume of training job …`. */
  readonly what: string;
  /** Id, ARN or alias of the key; absent where the resource has none. */
  readonly key?: string;
}

export interface Uploaded {
  /** Dated objects by channel. */
  readonly objects: Readonly<Record<keyof HousingSplit, number>>;
  /** Prefix of the label-less test rows, the input of the batch transform. */
  readonly rowsUri: string;
  /** What HeadObject said of every object. */
  readonly keys: readonly KeyFound[];
}

/** Makes what the definition takes for granted: bucket, key, Slack token. Answers with the key's ARN. */
export async function prepareHousingAccount(env: Env, definition: Definition): Promise<string> {
  const keyAlias = keyOf(definition);
  await prepareAccountOf(env, definition);
  const kms = new KMSClient(awsSettings(env));
  try {
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: keyAlias }));
    if (!KeyMetadata?.Arn) throw new Error(`KMS names no ARN for ${keyAlias}`);
    return KeyMetadata.Arn;
  } finally {
    kms.destroy();
  }
}

/**
 * Puts the months of each part beside one another (`…/train/2010-01-31.csv`, `…/validation/…`, `…/test/…`) and the test rows without their
 * labels, all encrypted with the definition's key, and asks S3 for the key of each.
 */
export async function uploadHousing(
  s3: S3Client,
  definition: Definition,
  split: HousingSplit,
  signal?: AbortSignal,
): Promise<Uploaded> {
  const { data } = definition;
  const { bucket } = data;
  const keyAlias = keyOf(definition);
  const parent = data.prefix.replace(/[^/]+\/$/, '');
  const keys: string[] = [];
  const objects = { train: 0, validation: 0, test: 0 };
  for (const part of ['train', 'validation', 'test'] as const) {
    const months = byMonth(split[part]);
    const prefix = `${parent}${part}/`;
    signal?.throwIfAborted();
    await uploadDays(s3, { bucket, prefix, keyAlias }, months);
    objects[part] = months.length;
    keys.push(...months.map(({ date }) => `${prefix}${date}.csv`));
  }
  const rows = `${parent}rows/test.csv`;
  await s3.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: rows,
      Body: linesOf(split.test).map(featuresOf).join('\n').concat('\n'),
      ContentType: 'text/csv',
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: keyAlias,
    }),
  );
  signal?.throwIfAborted();
  const found = await pLimit(AT_ONCE).map([...keys, rows], (key) => keyOfObject(s3, s3Uri(bucket, key)));
  return { objects, rowsUri: `s3://${bucket}/${parent}rows/`, keys: found };
}

/** The KMS key that S3 says an object is encrypted with. */
export async function keyOfObject(s3: S3Client, uri: string): Promise<KeyFound> {
  const { bucket: Bucket, key: Key } = parseS3Uri(uri);
  const { ServerSideEncryption, SSEKMSKeyId } = await s3.send(new HeadObjectCommand({ Bucket, Key }));
  return { what: `S3 object ${uri}`, key: ServerSideEncryption === 'aws:kms' ? SSEKMSKeyId : undefined };
}
