import { AbortMultipartUploadCommand, ListMultipartUploadsCommand, type S3Client } from '@aws-sdk/client-s3';
import { RECORDS_PREFIX } from '../../contracts/storage/index.js';
import { fail, isFailure } from '../errors.js';
import { answeredByS3 } from '../s3/objects.js';
import { quietly } from './failures.js';
import { isObject, type Target } from './targets.js';
import { decoderOf, keepLineEnds } from './wire.js';

/** So many uploads of a bucket are held to look single keys up in; where more are in flight, each key is asked for by itself. */
const HELD = 10_000;

/** A multipart upload in flight. */
export interface Upload {
  readonly key: string;
  readonly uploadId: string;
  /** Milliseconds. */
  readonly initiated: number;
}

/** Every upload in flight whose key begins with the prefix. */
async function* listUploads(s3: S3Client, bucket: string, prefix: string, signal: AbortSignal): AsyncGenerator<Upload> {
  const about = {
    resource: `bucket ${bucket}`,
    action: 'list uploads in flight',
    permission: 's3:ListBucketMultipartUploads',
  };
  let from: { KeyMarker?: string; UploadIdMarker?: string } = {};
  for (;;) {
    const command = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...from, EncodingType: 'url' });
    keepLineEnds(command);
    const page = await quietly(about, () => s3.send(command, { abortSignal: signal }));
    answeredByS3(page.Bucket, about.resource);
    const decode = decoderOf(page.EncodingType);
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key !== undefined && UploadId !== undefined)
        yield { key: decode(Key), uploadId: UploadId, initiated: Initiated?.getTime() ?? 0 };
    }
    if (!page.IsTruncated) return;
    const { NextKeyMarker, NextUploadIdMarker } = page;
    if (NextKeyMarker === undefined || NextUploadIdMarker === undefined)
      throw fail(
        'ServiceUnavailable',
        `${about.resource}: a listing of uploads does not say where it goes on; trying again`,
      );
    from = { KeyMarker: decode(NextKeyMarker), UploadIdMarker: NextUploadIdMarker };
  }
}

/** Finds the uploads of targets: single keys of a bucket share one listing. */
export class Uploads {
  readonly #held = new Map<string, Promise<ReadonlyMap<string, readonly Upload[]> | undefined>>();

  /** @param common by bucket, what the keys that are looked up begin with */
  constructor(
    readonly s3: S3Client,
    readonly common: ReadonlyMap<string, string>,
    readonly signal: AbortSignal,
  ) {}

  async *of(target: Target): AsyncGenerator<Upload> {
    if (!isObject(target)) {
      for await (const upload of listUploads(this.s3, target.bucket, target.prefix, this.signal))
        if (!upload.key.startsWith(RECORDS_PREFIX)) yield upload;
      return;
    }
    const { bucket, key } = target;
    const held = this.#held.get(bucket) ?? this.#hold(bucket);
    this.#held.set(bucket, held);
    const known = await held;
    if (known) yield* known.get(key) ?? [];
    else
      for await (const upload of listUploads(this.s3, bucket, key, this.signal)) if (upload.key === key) yield upload;
  }

  /** Forgets what was listed: uploads come and go. */
  renew(): void {
    this.#held.clear();
  }

  async #hold(bucket: string): Promise<ReadonlyMap<string, readonly Upload[]> | undefined> {
    const found = new Map<string, Upload[]>();
    let count = 0;
    for await (const upload of listUploads(this.s3, bucket, this.common.get(bucket) ?? '', this.signal)) {
      if (++count > HELD) return undefined;
      found.set(upload.key, [...(found.get(upload.key) ?? []), upload]);
    }
    return found;
  }
}

/** Aborts an upload; answers whether it could. One that has ended meanwhile is gone too. */
export async function abort(
  s3: S3Client,
  bucket: string,
  { key, uploadId }: Upload,
  signal: AbortSignal,
): Promise<boolean> {
  const about = { resource: `bucket ${bucket}`, action: 'abort an upload', permission: 's3:AbortMultipartUpload' };
  try {
    await quietly(about, () =>
      s3.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId }), {
        abortSignal: signal,
      }),
    );
  } catch (error) {
    if (isFailure(error, 'AccessDenied')) return false;
    if (!isFailure(error, 'ResourceMissing')) throw error;
  }
  return true;
}
