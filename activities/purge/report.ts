import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { TargetReport } from '../../contracts/purge/index.js';
import { parseS3Uri } from '../../contracts/names.js';
import type { Storage } from '../../contracts/storage/index.js';
import { withFailures } from '../errors.js';

/** The report of a purge, JSON Lines, written while it is made: there may be a line for each of millions of targets. */
export class ReportObject {
  readonly #hash = createHash('sha256');
  readonly #lines = new PassThrough();
  readonly #upload: Upload;
  readonly #done: Promise<unknown>;

  constructor(
    s3: S3Client,
    readonly uri: string,
    { records: { key } }: Pick<Storage, 'records'>,
  ) {
    const place = parseS3Uri(uri);
    this.#upload = new Upload({
      client: s3,
      params: {
        Bucket: place.bucket,
        Key: place.key,
        Body: this.#lines,
        ContentType: 'application/jsonl',
        ...(key && { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key }),
      },
    });
    const permission = key ? 's3:PutObject and kms:GenerateDataKey' : 's3:PutObject';
    this.#done = withFailures({ resource: uri, action: 'write', permission }, () => this.#upload.done());
    // Thrown where it is awaited; nobody reads on after a failure.
    this.#done.catch(() => this.#lines.resume());
  }

  write(line: TargetReport): void {
    const text = `${JSON.stringify(line)}\n`;
    this.#hash.update(text);
    this.#lines.write(text);
  }

  /** Resolves once there is room for more lines. */
  async drained(): Promise<void> {
    if (this.#lines.writableNeedDrain) await once(this.#lines, 'drain');
  }

  async end(): Promise<{ reportUri: string; reportHash: string }> {
    this.#lines.end();
    await this.#done;
    return { reportUri: this.uri, reportHash: this.#hash.digest('hex') };
  }

  /** Leaves nothing of it. */
  async discard(): Promise<void> {
    await this.#upload.abort();
    this.#lines.destroy();
    await Promise.allSettled([this.#done]);
  }
}
