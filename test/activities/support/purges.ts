import { randomUUID } from 'node:crypto';
import {
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { PurgeWork, TargetLine } from '../../../contracts/purge/index.js';
import { defaultStorage, type Storage } from '../../../contracts/storage/index.js';

/** A purge of these targets, whose list is in the bucket; each is another execution. */
export async function purgeOf(
  s3: S3Client,
  bucket: string,
  targets: readonly TargetLine[],
  { request = 'request-1', storage }: { request?: string; storage?: Partial<Storage> } = {},
): Promise<PurgeWork> {
  const execution = randomUUID();
  const Key = `_perennial/targets/${execution}`;
  const Body = targets.map((target) => `${JSON.stringify(target)}\n`).join('');
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
  return {
    ref: { request, execution, startedAt: new Date().toISOString() },
    storage: { ...defaultStorage(bucket), ...storage },
    targetsUri: `s3://${bucket}/${Key}`,
    options: {},
  };
}

export const keepVersions = (s3: S3Client, bucket: string) =>
  s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));

/** Every version under a prefix, with its text. */
export async function versionsOf(s3: S3Client, bucket: string, prefix: string) {
  const page = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }));
  return Promise.all(
    (page.Versions ?? []).map(async ({ Key = '', VersionId, IsLatest }) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key, VersionId }));
      return { key: Key, latest: IsLatest === true, text: (await Body?.transformToString()) ?? '' };
    }),
  );
}
