import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import type { Readable } from 'node:stream';
import { parseS3Uri, s3Uri } from '../../contracts/names.js';
import { datedAs } from '../data/dates.js';
import { fail, isFailure, toFailure, withFailures } from '../errors.js';
import { answeredByS3, readText } from '../s3/objects.js';

/** One object of a holdout. Its key reaches no history: people know it by `label`. */
export interface HoldoutFile {
  readonly bucket: string;
  readonly key: string;
  /** Path below the manifest's prefix. */
  readonly path: string;
  /** As the run's file record has it: an object that changed since fails with DataChanged. */
  readonly etag?: string;
  /** `file 3 of the holdout (2026-11-03)`: its place in the manifest, from 1, and its date. */
  readonly label: string;
}

/** What is read: an object of the holdout, or its answers. */
export type ObjectToRead = Pick<HoldoutFile, 'bucket' | 'key' | 'label' | 'etag'>;

/** The objects of a holdout, in the manifest's order: newest first. */
export async function holdoutFiles(s3: S3Client, manifestUri: string): Promise<HoldoutFile[]> {
  const { bucket, key } = parseS3Uri(manifestUri);
  const stored = await readText(s3, bucket, key);
  if (!stored)
    throw fail('ResourceMissing', `${manifestUri}, the manifest of this run's holdout, is gone: start a new run`);
  const [head, ...paths] = JSON.parse(stored.body) as [{ prefix: string }, ...string[]];
  const base = parseS3Uri(head.prefix);
  return paths.map((path, index) => ({
    bucket: base.bucket,
    key: base.key + path,
    path,
    label: `file ${index + 1} of the holdout (${datedAs(path) ?? 'without a date'})`,
  }));
}

/**
 * Where the answers for each path lie under a transform job's output, by path. SageMaker puts them at `<output>/<path>.out`; its API reference
 * (TransformOutput.S3OutputPath) shows folders of the input before the path as well, so an object that ends in it is taken too.
 */
export async function outputsOf(
  s3: S3Client,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
  paths: readonly string[],
): Promise<Map<string, string>> {
  const about = { resource: s3Uri(bucket, prefix), action: 'list', permission: 's3:ListBucket' };
  const keys = await withFailures(about, async () => {
    const found: string[] = [];
    for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix })) {
      answeredByS3(page.Name, about.resource);
      for (const { Key } of page.Contents ?? []) if (Key?.endsWith('.out')) found.push(Key);
    }
    return found;
  });
  const exact = new Set(keys);
  const places = paths.flatMap((path): [string, string][] => {
    const wanted = `${prefix}${path}.out`;
    const place = exact.has(wanted) ? wanted : keys.find((key) => key.endsWith(`/${path}.out`));
    return place === undefined ? [] : [[path, place]];
  });
  return new Map(places);
}

/** Opens an object. Failures call it `label`, and S3's own words lose the key. */
export async function openObject(s3: S3Client, object: ObjectToRead, signal?: AbortSignal): Promise<Readable> {
  const { bucket, key, label, etag } = object;
  try {
    const command = new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag });
    const answer = await s3.send(command, { abortSignal: signal });
    answeredByS3(answer.ETag, label);
    return answer.Body as Readable;
  } catch (error) {
    throw withoutKey(error, object);
  }
}

/** The failure that an error of S3 is, under the object's label. */
export function withoutKey(error: unknown, { key, label }: ObjectToRead): Error {
  if (error instanceof Error) {
    error.message = error.message.replaceAll(key, '…');
    error.stack = error.stack?.replaceAll(key, '…');
  }
  const failure = toFailure(error, { action: 'read', resource: label, permission: 's3:GetObject' });
  const what = isFailure(failure, 'ResourceMissing')
    ? 'is gone'
    : isFailure(failure, 'RecordConflict')
      ? 'changed'
      : '';
  if (what === '') return failure;
  return fail('DataChanged', `${label} ${what} since this run looked at it: start a new run`, { cause: error });
}
