import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { parseS3Uri } from '../../contracts/names.js';
import type { TargetLine } from '../../contracts/purge/index.js';
import { withFailures } from '../errors.js';

/** A list of targets on its way to its object, encrypted with `kmsKey` or as the bucket does by default; in memory is one part. It is there once it is finished. */
export class ListUpload {
  readonly #body = new PassThrough();
  readonly #upload: Upload;
  readonly #done: Promise<unknown>;

  constructor(
    s3: S3Client,
    readonly uri: string,
    kmsKey: string | undefined,
  ) {
    const { bucket, key } = parseS3Uri(uri);
    this.#upload = new Upload({
      client: s3,
      params: {
        Bucket: bucket,
        Key: key,
        Body: this.#body,
        ContentType: 'application/x-ndjson',
        ...(kmsKey && { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKey }),
      },
      queueSize: 1,
    });
    const permission = kmsKey ? 's3:PutObject and kms:GenerateDataKey' : 's3:PutObject';
    this.#done = withFailures({ resource: uri, action: 'write', permission }, () => this.#upload.done()).catch(
      (error: Error) => {
        // Whoever waits to write on is let go.
        this.#body.destroy(error);
        throw error;
      },
    );
    // Both are told by `finish`, which is where they matter.
    this.#done.catch(() => undefined);
    this.#body.on('error', () => undefined);
  }

  /** Writes one line; answers once there is room for the next. */
  async write(line: TargetLine): Promise<void> {
    const text = `${JSON.stringify(line)}\n`;
    if (this.#body.destroyed) await this.#done;
    if (!this.#body.write(text)) await once(this.#body, 'drain');
  }

  async finish(): Promise<void> {
    this.#body.end();
    await this.#done;
  }

  /** Leaves nothing behind. */
  async abort(): Promise<void> {
    await this.#upload.abort();
    await this.#done.catch(() => undefined);
  }
}
