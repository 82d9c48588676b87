import {
  AbortMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  type HeadObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { DescribeKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { s3Uri } from '../../contracts/names.js';
import { fail, withFailures } from '../errors.js';
import { eraseVersions } from '../lineage/versions.js';
import { answeredByS3 } from '../s3/objects.js';

export interface ExportDeps {
  readonly s3: S3Client;
  readonly kms: KMSClient;
}

/** UNLOAD takes a key by its id alone (Redshift documentation), and S3 tells of an object by its id, while a definition may name an alias. */
export async function keyId(kms: KMSClient, key: string | undefined): Promise<string | undefined> {
  if (key === undefined || /^([a-f0-9-]{36}|mrk-[a-f0-9]{32})$/.test(key)) return key;
  const about = { action: 'kms:DescribeKey', resource: `KMS key ${key}`, permission: 'kms:DescribeKey' };
  const { KeyMetadata } = await withFailures(about, () => kms.send(new DescribeKeyCommand({ KeyId: key })));
  return KeyMetadata?.KeyId;
}

export function headOf(s3: S3Client, bucket: string, key: string): Promise<HeadObjectCommandOutput> {
  const about = { resource: s3Uri(bucket, key), action: 'look at', permission: 's3:GetObject' };
  return withFailures(about, async () => {
    const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    answeredByS3(head.ETag, about.resource);
    return head;
  });
}

/** Fails unless an object has the length and the key that were asked for. */
export function checkObject(
  uri: string,
  head: HeadObjectCommandOutput,
  want: { bytes: number; kmsKey?: string },
): void {
  if (head.ContentLength !== want.bytes)
    throw fail(
      'DataInvalid',
      `${uri} has ${head.ContentLength} bytes, and ${want.bytes} were exported: something else wrote it. Nothing was published; start a new run`,
    );
  const key = want.kmsKey?.replace(/^.*\//, '');
  if (key !== undefined && (head.ServerSideEncryption !== 'aws:kms' || !head.SSEKMSKeyId?.endsWith(key)))
    throw fail(
      'KeyUnusable',
      `${uri} is not encrypted with the key of the definition. Nothing was published; look at the bucket's policy and the role's right to the key`,
    );
}

/** Erases everything below a folder that `isWanted`, all versions, and uploads in flight. A try before this one may have left some of it. */
export async function clear(
  s3: S3Client,
  bucket: string,
  folder: string,
  isWanted: (name: string) => boolean = () => true,
): Promise<number> {
  const about = {
    resource: s3Uri(bucket, folder),
    action: 'abort uploads',
    permission: 's3:ListBucketMultipartUploads and s3:AbortMultipartUpload',
  };
  await withFailures(about, async () => {
    let from: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
    while (from) {
      const page: ListMultipartUploadsCommandOutput = await s3.send(
        new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: folder, ...from }),
      );
      answeredByS3(page.Bucket, about.resource);
      for (const { Key = '', UploadId } of page.Uploads ?? [])
        if (isWanted(Key.slice(folder.length)))
          await s3.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
      const { IsTruncated, NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
      from = IsTruncated === true && KeyMarker !== undefined ? { KeyMarker, UploadIdMarker } : undefined;
    }
  });
  return eraseVersions(s3, { bucket, prefix: folder }, ({ key }) => isWanted(key.slice(folder.length)));
}
