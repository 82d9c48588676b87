import {
  GetObjectCommand,
  ListObjectVersionsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3ServiceException,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { Storage } from '../../contracts/storage/index.js';
import { headKey, HEADS_PREFIX, type ChainHead, type ChainRow } from '../../contracts/purge/audit.js';
import { s3Uri } from '../../contracts/names.js';
import { fail, toFailure, withFailures } from '../errors.js';
import { readRecord } from '../s3/records.js';
import { answeredByS3 } from '../s3/objects.js';
import { sign } from './signature.js';
import { timeAfter } from './times.js';

export type Audit = NonNullable<Storage['audit']>;

/**
 * Writes the signed head of a row to an object of its own that nobody can remove or replace before its time is over (Object Lock,
 * COMPLIANCE). One that is there already and says the same is fine.
 * @returns its URI
 * @throws RecordConflict if another hash was anchored for that row: the chain was rewritten, or two ledgers share the bucket
 */
export async function writeHead(
  { s3, kms }: { readonly s3: S3Client; readonly kms: KMSClient },
  audit: Audit,
  { sequence, hash }: Pick<ChainRow, 'sequence' | 'hash'>,
): Promise<string> {
  const at = new Date().toISOString();
  const unsigned = { version: 1 as const, sequence, hash, at };
  const head: ChainHead = { ...unsigned, signature: await sign(kms, audit.signingKey, unsigned) };
  const uri = s3Uri(audit.bucket, headKey(sequence));
  try {
    const { ETag } = await s3.send(
      new PutObjectCommand({
        Bucket: audit.bucket,
        Key: headKey(sequence),
        Body: JSON.stringify(head),
        ContentType: 'application/json',
        IfNoneMatch: '*',
        ObjectLockMode: 'COMPLIANCE',
        ObjectLockRetainUntilDate: new Date(timeAfter(at, audit.retention)),
      }),
    );
    answeredByS3(ETag, uri);
    return uri;
  } catch (error) {
    if (!isThere(error)) throw writeFailure(error, audit.bucket, uri);
  }
  const stored = await readRecord<ChainHead>(s3, audit.bucket, headKey(sequence));
  if (!stored) throw fail('ServiceUnavailable', `${uri} is being written by another worker; trying again`);
  if (stored.record.hash === hash && stored.record.sequence === sequence) return uri;
  throw fail(
    'RecordConflict',
    `${uri} anchors another row ${sequence} than the ledger has: the chain was rewritten, or restored from a backup, or another ledger writes its heads there too. \`perennial audit verify\` says where they part; give each ledger an audit bucket of its own`,
  );
}

/** 412: it exists. 409: another conditional write is under way (S3 user guide, conditional writes). */
const isThere = (error: unknown) =>
  error instanceof S3ServiceException && [409, 412].includes(error.$metadata.httpStatusCode ?? 0);

function writeFailure(error: unknown, bucket: string, uri: string) {
  // S3's words for a bucket that was made without it.
  if (error instanceof Error && /object ?lock ?configuration/i.test(error.message)) {
    return fail(
      'InvalidRequest',
      `Bucket ${bucket} (storage.audit.bucket) has no Object Lock, so a head there could be removed. Make one with it: aws s3api create-bucket --bucket <name> --object-lock-enabled-for-bucket; a bucket that exists: aws s3api put-object-lock-configuration, with versioning on`,
      { cause: error },
    );
  }
  return toFailure(error, { resource: uri, action: 'write', permission: 's3:PutObject and s3:PutObjectRetention' });
}

/** The first head at or after a row, and when S3 says it was written; undefined where none was yet. */
export async function headAt(
  s3: S3Client,
  bucket: string,
  sequence: number,
): Promise<{ readonly uri: string; readonly written: Date | undefined } | undefined> {
  const uri = s3Uri(bucket, HEADS_PREFIX);
  const page = await withFailures({ resource: uri, action: 'list', permission: 's3:ListBucket' }, () =>
    s3.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: HEADS_PREFIX,
        StartAfter: headKey(sequence - 1),
        MaxKeys: 1,
      }),
    ),
  );
  answeredByS3(page.Name, uri);
  const { Key, LastModified } = page.Contents?.[0] ?? {};
  return Key === undefined ? undefined : { uri: s3Uri(bucket, Key), written: LastModified };
}

/** All that the bucket holds under one key of a head, the newest version first. */
export interface HeadVersions {
  readonly key: string;
  readonly versions: readonly string[];
  readonly markers: number;
}

/** Heads by key, which is by sequence, a page at a time. Versions, not objects: a delete marker hides a locked object. */
export async function* listHeads(s3: S3Client, bucket: string): AsyncGenerator<HeadVersions[]> {
  let marker: VersionMarker | undefined = {};
  let open: { key: string; versions: string[]; markers: number } | undefined;
  while (marker) {
    const page = await pageOfVersions(s3, bucket, marker);
    const keys = new Map(open && [[open.key, open]]);
    const at = (key: string) => keys.get(key) ?? keys.set(key, { key, versions: [], markers: 0 }).get(key);
    for (const { Key = '', VersionId = 'null' } of page.versions) at(Key)?.versions.push(VersionId);
    for (const { Key = '' } of page.markers) {
      const head = at(Key);
      if (head) head.markers += 1;
    }
    const found = [...keys.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    marker = page.next;
    // The last key may go on in the next page.
    open = marker && found.pop();
    yield found;
  }
}

interface VersionMarker {
  readonly KeyMarker?: string | undefined;
  readonly VersionIdMarker?: string | undefined;
}

/** The SDK has no paginator for this listing. */
async function pageOfVersions(s3: S3Client, bucket: string, marker: VersionMarker) {
  const resource = s3Uri(bucket, HEADS_PREFIX);
  const page = await withFailures({ resource, action: 'list', permission: 's3:ListBucketVersions' }, () =>
    s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: HEADS_PREFIX, ...marker })),
  );
  answeredByS3(page.Name, resource);
  const next = page.IsTruncated
    ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
    : undefined;
  return { versions: page.Versions ?? [], markers: page.DeleteMarkers ?? [], next };
}

/** A version of a head, as text, with its lock, and when S3 says it was written. */
export async function readHeadVersion(s3: S3Client, bucket: string, key: string, versionId: string) {
  const resource = `${s3Uri(bucket, key)} (version ${versionId})`;
  return withFailures(
    { resource, action: 'read', permission: 's3:GetObjectVersion and s3:GetObjectRetention' },
    async () => {
      const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }));
      answeredByS3(object.ETag, resource);
      return {
        text: (await object.Body?.transformToString()) ?? '',
        lock: object.ObjectLockMode,
        written: object.LastModified,
      };
    },
  );
}
