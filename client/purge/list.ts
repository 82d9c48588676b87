import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  NotFound,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { parseS3Uri, s3Uri } from '../../contracts/names.js';
import { SALT, type TargetLine, targetsPrefix } from '../../contracts/purge/index.js';
import type { Storage } from '../../contracts/storage/index.js';
import { CliError } from '../errors.js';
import { removeObject } from '../exchange.js';

/** Bytes of a part of a long list: S3 wants 5 MiB and takes 10,000 parts. */
const PART = 8 * 1024 * 1024;
const TYPE = 'application/x-ndjson';

/** A list of targets on its way to its encrypted object, in the memory of one part. Nothing is there before `finish`. */
export class ListUpload {
  readonly uri: string;
  private readonly key = `${targetsPrefix}${randomUUID()}.jsonl`;
  private readonly parts: { PartNumber: number; ETag: string | undefined }[] = [];
  private upload?: string;
  private waiting: Buffer[] = [];
  private bytes = 0;
  private readonly digest = createHash('sha256');
  /** In the object alone: whoever sees the hash can't guess a short list by it. */
  private readonly salt = randomBytes(32).toString('base64url');
  private written = false;

  constructor(
    private readonly place: Storage['records'],
    private readonly s3: S3Client = new S3Client({}),
  ) {
    this.uri = s3Uri(place.bucket, this.key);
  }

  async add(line: TargetLine): Promise<void> {
    const text = Buffer.from(`${JSON.stringify(line)}\n`);
    this.waiting.push(text);
    this.digest.update(text);
    this.bytes += text.length;
    if (this.bytes >= PART) await this.attempt(() => this.sendPart());
  }

  /** Salted hash of what was added until now. */
  get hash(): string {
    return createHmac('sha256', this.salt).update(this.digest.copy().digest('hex')).digest('hex');
  }

  async finish(): Promise<void> {
    await this.attempt(async () => {
      if (this.upload === undefined) {
        await this.s3.send(
          new PutObjectCommand({ ...this.target, ...this.making, Body: this.take(), ContentType: TYPE }),
        );
      } else {
        if (this.bytes > 0) await this.sendPart();
        await this.s3.send(
          new CompleteMultipartUploadCommand({
            ...this.target,
            UploadId: this.upload,
            MultipartUpload: { Parts: this.parts },
          }),
        );
      }
      this.written = true;
    });
  }

  /** Leaves nothing of the list behind. */
  async discard(): Promise<void> {
    await this.attempt(async () => {
      if (this.written) await removeObject(this.s3, this.place.bucket, this.key);
      else if (this.upload !== undefined)
        await this.s3.send(new AbortMultipartUploadCommand({ ...this.target, UploadId: this.upload }));
    });
  }

  close(): void {
    this.s3.destroy();
  }

  private get target() {
    return { Bucket: this.place.bucket, Key: this.key };
  }

  private get making() {
    const { key } = this.place;
    return {
      Metadata: { [SALT]: this.salt },
      ...(key && { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: key }),
    };
  }

  private async sendPart(): Promise<void> {
    this.upload ??= (
      await this.s3.send(new CreateMultipartUploadCommand({ ...this.target, ...this.making, ContentType: TYPE }))
    ).UploadId;
    const PartNumber = this.parts.length + 1;
    const { ETag } = await this.s3.send(
      new UploadPartCommand({ ...this.target, UploadId: this.upload, PartNumber, Body: this.take() }),
    );
    this.parts.push({ PartNumber, ETag });
  }

  private take(): Buffer {
    const body = Buffer.concat(this.waiting);
    this.waiting = [];
    this.bytes = 0;
    return body;
  }

  private attempt(work: () => Promise<void>): Promise<void> {
    return attempt(this.uri, work);
  }
}

/** Whether a list is still there. */
export async function isThere(uri: string): Promise<boolean> {
  const { bucket: Bucket, key: Key } = parseS3Uri(uri);
  return withS3(uri, async (s3) => {
    try {
      await s3.send(new HeadObjectCommand({ Bucket, Key }));
      return true;
    } catch (error) {
      if (error instanceof NotFound) return false;
      throw error;
    }
  });
}

async function withS3<T>(uri: string, work: (s3: S3Client) => Promise<T>): Promise<T> {
  const s3 = new S3Client({});
  try {
    return await attempt(uri, () => work(s3));
  } finally {
    s3.destroy();
  }
}

async function attempt<T>(uri: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { name, message } = error as Error;
    // No right mends that: it is the name that is wrong.
    if (name === 'NoSuchBucket')
      throw new CliError(
        `there is no bucket ${parseS3Uri(uri).bucket} for the list of targets: look at its name`,
        undefined,
        {
          cause: error,
        },
      );
    throw new CliError(
      `${uri}, the list of targets, cannot be read, written or removed (${name}: ${message}). Your own AWS credentials need s3:PutObject, s3:GetObject, s3:DeleteObject, s3:DeleteObjectVersion and s3:AbortMultipartUpload on ${targetsPrefix} of this bucket, and the use of its KMS key`,
      undefined,
      { cause: error },
    );
  }
}
