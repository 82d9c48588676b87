import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Context } from '@temporalio/activity';
import { purgePrefix, tombstonesPrefix, type PurgeWork } from '../../contracts/purge/index.js';
import { withFailures } from '../errors.js';
import { answeredByS3 } from '../s3/objects.js';

/**
 * Writes keyed hashes of keys that are about to be erased, one a line: before their versions go, so that whatever kills the worker, no key is
 * erased without its tombstone. In the bucket of the keys, or, if the purge sets no tombstones, with the purge's records. Each try of a leg
 * has names of its own: what an earlier one erased is known by its objects alone.
 */
export class HashObjects {
  #written = 0;

  constructor(
    readonly s3: S3Client,
    readonly work: PurgeWork & { readonly leg: number },
    readonly bucket: string,
    readonly signal: AbortSignal,
  ) {}

  /** @param hashes one a line */
  async write(hashes: Buffer): Promise<void> {
    if (hashes.length === 0) return;
    const { Bucket, Key } = this.#place();
    const { key } = this.work.storage.records;
    const resource = `s3://${Bucket}/${Key}`;
    const permission = key ? 's3:PutObject and kms:GenerateDataKey' : 's3:PutObject';
    const { ETag } = await withFailures({ resource, action: 'write keyed hashes', permission }, () =>
      this.s3.send(
        new PutObjectCommand({
          Bucket,
          Key,
          Body: hashes,
          ContentType: 'text/plain',
          ...(key && { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key }),
        }),
        { abortSignal: this.signal },
      ),
    );
    answeredByS3(ETag, resource);
    this.#written += 1;
  }

  #place(): { Bucket: string; Key: string } {
    const { ref, leg, options, storage } = this.work;
    const name = `${leg}-${Context.current().info.attempt}.${this.#written}.txt`;
    return options.tombstones === false
      ? { Bucket: storage.records.bucket, Key: `${purgePrefix(ref)}hashes-${this.bucket}-${name}` }
      : { Bucket: this.bucket, Key: `${tombstonesPrefix(ref.request)}${ref.execution}-${name}` };
  }
}
