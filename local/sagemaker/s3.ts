import { setMaxListeners } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import pLimit from 'p-limit';
import { ApiError } from './context.js';

export interface S3Location {
  readonly bucket: string;
  readonly key: string;
}

export interface S3Object extends S3Location {
  /** Bytes; unknown for an object that a manifest names. */
  readonly size?: number;
}

/** Objects in flight at once: enough to hide latency, below the 50 connections that the client keeps. */
const CONCURRENCY = 32;

/** `s3://bucket/a/b` -> its bucket and key; throws ValidationException on any other text, `https://…` too. */
export function parseS3(uri: string): S3Location {
  const match = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(uri);
  if (!match) throw new ApiError('ValidationException', `"${uri}" is not an S3 URI: write s3://bucket/key`);
  return { bucket: match[1] as string, key: match[2] as string };
}

export function s3Uri({ bucket, key }: S3Location): string {
  return `s3://${bucket}/${key}`;
}

/** Joins an S3 URI and path parts with exactly one slash between them. */
export function joinS3(uri: string, ...parts: string[]): string {
  return [uri.replace(/\/+$/, ''), ...parts].join('/');
}

/** All objects under a prefix, in key order, without the empty "folder" objects that consoles make. */
export async function listObjects(s3: S3Client, { bucket, key }: S3Location): Promise<S3Object[]> {
  const objects: S3Object[] = [];
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: key })) {
    for (const object of page.Contents ?? []) {
      if (object.Key === undefined || object.Key.endsWith('/')) continue;
      objects.push({ bucket, key: object.Key, size: object.Size ?? 0 });
    }
  }
  return objects;
}

/** True if at least one object is under the prefix; one request. */
export async function hasObjects(s3: S3Client, { bucket, key }: S3Location): Promise<boolean> {
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket: bucket, Prefix: key })) {
    if (page.Contents?.some((object) => !object.Key?.endsWith('/'))) return true;
  }
  return false;
}

/** The content of an object. Throws an error that names it. */
export async function readStream(s3: S3Client, { bucket, key }: S3Location, signal?: AbortSignal): Promise<Readable> {
  try {
    const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal });
    return answer.Body as Readable;
  } catch (cause) {
    signal?.throwIfAborted();
    throw new Error(`${s3Uri({ bucket, key })}: ${(cause as Error).message}`, { cause });
  }
}

export async function readText(s3: S3Client, object: S3Location, signal?: AbortSignal): Promise<string> {
  return text(await readStream(s3, object, signal));
}

/** Streams objects to files, several at once; the first failure ends all of it. */
export async function downloadAll(
  s3: S3Client,
  files: readonly { readonly object: S3Location; readonly file: string }[],
  signal?: AbortSignal,
): Promise<void> {
  const limit = pLimit(CONCURRENCY);
  // Every download listens for the signal, which Node takes for a leak.
  if (signal) setMaxListeners(0, signal);
  try {
    const folders = new Set(files.map(({ file }) => dirname(file)));
    for (const folder of folders) await mkdir(folder, { recursive: true });
    await limit.map(files, async ({ object, file }) => {
      await pipeline(await readStream(s3, object, signal), createWriteStream(file), { signal });
    });
  } finally {
    limit.clearQueue();
  }
}

/** Streams a body to S3, with SSE-KMS if a key (id, ARN or alias) is given. */
export async function upload(
  s3: S3Client,
  { bucket, key }: S3Location,
  body: Readable | Buffer | string,
  kmsKeyId?: string,
  signal?: AbortSignal,
): Promise<void> {
  const encryption = kmsKeyId ? { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: kmsKeyId } : {};
  const sent = new Upload({ client: s3, params: { Bucket: bucket, Key: key, Body: body, ...encryption } });
  const abort = (): void => void sent.abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    signal?.throwIfAborted();
    await sent.done();
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
