import { paginateListObjectsV2, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Context } from '@temporalio/activity';
import { s3Uri } from '../../contracts/names.js';
import { purgePrefix, tombstonesPrefix, type PurgeWork } from '../../contracts/purge/index.js';
import { linesOf } from '../data/tombstones.js';
import { withFailures } from '../errors.js';
import { answeredByS3 } from '../s3/objects.js';
import { Earlier, type WindowName } from './earlier.js';
import type { Noted, WindowNote } from './note.js';

/**
 * Writes keyed hashes of keys that are about to be erased, one a line, and the note of their window: before their versions go, so that whatever
 * kills the worker, no key is erased without its tombstone, and no entry uncounted. In the bucket of the keys, or, if the purge sets no
 * tombstones, with the purge's records. Each try of a leg has names of its own.
 */
export class HashObjects {
  #written = 0;

  constructor(
    readonly s3: S3Client,
    readonly work: PurgeWork & { readonly leg: number },
    readonly bucket: string,
    readonly signal: AbortSignal,
  ) {}

  /** @param hashes one a line, in pieces */
  async write(hashes: readonly Buffer[], note: WindowNote, told: Omit<Noted, 'begun'>): Promise<void> {
    if (hashes.every(({ length }) => length === 0) && note.empty) return;
    const { bucket: Bucket, prefix } = this.#place;
    const Key = `${prefix}${Context.current().info.attempt}.${this.#written}.txt`;
    const { key } = this.work.storage.records;
    const resource = s3Uri(Bucket, Key);
    const permission = key ? 's3:PutObject and kms:GenerateDataKey' : 's3:PutObject';
    const { ETag } = await withFailures({ resource, action: 'write keyed hashes', permission }, () =>
      this.s3.send(
        new PutObjectCommand({
          Bucket,
          Key,
          // One copy, and no other: a window has megabytes.
          Body: Buffer.concat([...hashes, ...note.lines(told)]),
          ContentType: 'text/plain',
          ...(key && { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key }),
        }),
        { abortSignal: this.signal },
      ),
    );
    answeredByS3(ETag, resource);
    this.#written += 1;
  }

  /** What earlier tries of the leg erased, by their notes. */
  async earlier(): Promise<Earlier> {
    const { bucket, prefix } = this.#place;
    return Earlier.read(await this.names(), ({ attempt, number }) =>
      linesOf(this.s3, bucket, `${prefix}${attempt}.${number}.txt`),
    );
  }

  /** Windows of earlier tries. */
  async names(): Promise<WindowName[]> {
    const { bucket, prefix } = this.#place;
    const resource = s3Uri(bucket, prefix);
    const { attempt: own } = Context.current().info;
    return withFailures({ resource, action: 'list', permission: 's3:ListBucket' }, async () => {
      const found: WindowName[] = [];
      for await (const page of paginateListObjectsV2({ client: this.s3 }, { Bucket: bucket, Prefix: prefix })) {
        answeredByS3(page.Name, resource);
        for (const { Key = '' } of page.Contents ?? []) {
          const [, attempt, number] = /^(\d+)\.(\d+)\.txt$/.exec(Key.slice(prefix.length)) ?? [];
          if (attempt !== undefined && Number(attempt) < own)
            found.push({ attempt: Number(attempt), number: Number(number) });
        }
      }
      return found;
    });
  }

  get #place(): { readonly bucket: string; readonly prefix: string } {
    const { ref, leg, options, storage } = this.work;
    return options.tombstones === false
      ? { bucket: storage.records.bucket, prefix: `${purgePrefix(ref)}hashes-${this.bucket}-${leg}-` }
      : { bucket: this.bucket, prefix: `${tombstonesPrefix(ref.request)}${ref.execution}-${leg}-` };
  }
}
