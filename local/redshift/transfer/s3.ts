import {
  DeleteObjectsCommand,
  GetObjectCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { Readable } from 'node:stream';
import { SqlError } from '../protocol/messages.js';
import type { S3Place } from '../sql/options.js';

export interface S3Object extends S3Place {
  readonly size: number;
}

/** A client of the emulated S3. */
export function s3Client(endpoint: string, env: NodeJS.ProcessEnv): S3Client {
  return new S3Client({
    endpoint,
    region: env['AWS_REGION'] ?? 'us-east-1',
    forcePathStyle: true,
    credentials: {
      accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? 'test',
      secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? 'test',
    },
  });
}

export const uriOf = ({ bucket, key }: S3Place) => `s3://${bucket}/${key}`;

/** An error of S3 in Redshift's words. Code and context are what its clients see in the detail. */
export function s3Error(error: unknown): SqlError {
  if (error instanceof SqlError) return error;
  const { name, message, status } =
    error instanceof S3ServiceException
      ? { name: error.name, message: error.message, status: error.$metadata.httpStatusCode ?? 500 }
      : { name: 'ServiceUnavailable', message: (error as Error).message, status: 503 };
  const text = `S3ServiceException:${message.replace(/\.$/, '')},Status ${status},Error ${name}`;
  return new SqlError('XX000', text, { detail: detail(text) });
}

/** The block that Redshift adds to its errors. */
export const detail = (error: string, code = 8001) => `\n  error:  ${error}\n  code:      ${code}\n  context:   S3\n`;

/** All objects whose keys begin with a prefix, in the order of their keys, without the empty "folder" objects. */
export async function listed(s3: S3Client, { bucket, key }: S3Place): Promise<S3Object[]> {
  const found: S3Object[] = [];
  try {
    for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: key }))
      for (const { Key = '', Size = 0 } of page.Contents ?? [])
        if (!Key.endsWith('/')) found.push({ bucket, key: Key, size: Size });
  } catch (error) {
    throw s3Error(error);
  }
  return found;
}

/** The content of an object; undefined if there is none of that key. */
export async function opened(s3: S3Client, { bucket, key }: S3Place): Promise<Readable | undefined> {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return Body as Readable;
  } catch (error) {
    if (error instanceof S3ServiceException && error.name === 'NoSuchKey') return undefined;
    throw s3Error(error);
  }
}

export async function removed(s3: S3Client, objects: readonly S3Place[]): Promise<void> {
  for (let at = 0; at < objects.length; at += 1_000) {
    const batch = objects.slice(at, at + 1_000);
    const Objects = batch.map(({ key }) => ({ Key: key }));
    await s3.send(new DeleteObjectsCommand({ Bucket: batch[0]?.bucket, Delete: { Objects, Quiet: true } }));
  }
}

/** How an UNLOAD encrypts: with a key of KMS, else S3's own. */
export const encryption = (kmsKeyId: string | undefined) =>
  kmsKeyId === undefined
    ? ({ ServerSideEncryption: 'AES256' } as const)
    : ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKeyId } as const);

export async function written(s3: S3Client, place: S3Place, text: string, kmsKeyId: string | undefined): Promise<void> {
  const input = { Bucket: place.bucket, Key: place.key, Body: text, ...encryption(kmsKeyId) };
  await s3.send(new PutObjectCommand(input));
}
