import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
  type CompletedPart,
  type S3Client,
} from '@aws-sdk/client-s3';
import { cancellationSignal } from '@temporalio/activity';

const PART_BYTES = 8 * 1_048_576;
/** Parts on their way to S3 while another is being filled. */
const IN_FLIGHT = 4;

/** Where an object goes, and with which key it is encrypted; the bucket's own encryption without. */
export interface Destination {
  readonly bucket: string;
  readonly key: string;
  readonly kmsKey?: string;
}

/** Buffers that every part of every object is filled in, in turns: an export of any size needs no more. */
export class PartBuffers {
  readonly #free: Buffer[] = [];
  #made = 0;
  #waiting: ((buffer: Buffer) => void) | undefined;

  /** A buffer that nobody uses; waits until there is one. */
  async take(): Promise<Buffer> {
    const free = this.#free.pop();
    if (free) return free;
    if (this.#made <= IN_FLIGHT) {
      this.#made += 1;
      return Buffer.allocUnsafeSlow(PART_BYTES);
    }
    return new Promise((resolve) => (this.#waiting = resolve));
  }

  give(buffer: Buffer): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting(buffer);
    else this.#free.push(buffer);
  }
}

/**
 * Uploads what a source yields; answers how many bytes. A failed or cancelled upload leaves neither object nor parts. The SDK's own Upload
 * puts each part together anew, and collecting those costs more than all else here.
 */
export async function uploaded(
  s3: S3Client,
  { bucket, key, kmsKey }: Destination,
  source: AsyncIterable<Buffer>,
  buffers: PartBuffers,
): Promise<number> {
  const place = { Bucket: bucket, Key: key };
  const kind = {
    ContentType: 'text/csv',
    ...(kmsKey !== undefined && { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: kmsKey }),
  };
  const abortSignal = cancellationSignal();
  const upload = new Multipart(s3, place, kind, abortSignal, buffers);
  let [buffer, filled, bytes] = [await buffers.take(), 0, 0];
  try {
    for await (const chunk of source) {
      bytes += chunk.length;
      for (let at = 0; at < chunk.length;) {
        if (filled === PART_BYTES) {
          await upload.send(buffer, filled);
          [buffer, filled] = [await buffers.take(), 0];
        }
        const taken = chunk.copy(buffer, filled, at);
        filled += taken;
        at += taken;
      }
    }
    if (bytes > PART_BYTES) {
      await upload.send(buffer, filled);
      await upload.complete();
    } else {
      await s3.send(new PutObjectCommand({ ...place, ...kind, Body: buffer.subarray(0, filled) }), { abortSignal });
      buffers.give(buffer);
    }
    return bytes;
  } catch (error) {
    await upload.abort();
    throw upload.error ?? error;
  }
}

/** An upload in parts, some of them under way at once. */
class Multipart {
  /** Of the first part that failed. */
  error: unknown;
  #id: string | undefined;
  readonly #parts: CompletedPart[] = [];
  readonly #underWay = new Set<Promise<void>>();

  constructor(
    readonly s3: S3Client,
    readonly place: { readonly Bucket: string; readonly Key: string },
    readonly kind: object,
    readonly abortSignal: AbortSignal,
    readonly buffers: PartBuffers,
  ) {}

  /** Begins the next part; its buffer is given back once S3 has it. Throws what an earlier part failed with. */
  async send(buffer: Buffer, length: number): Promise<void> {
    if (this.error !== undefined) throw this.error as Error;
    this.#id ??= await this.#create();
    const part: CompletedPart = { PartNumber: this.#parts.length + 1 };
    this.#parts.push(part);
    const sent = this.#upload(part, buffer.subarray(0, length))
      .catch((error: unknown) => (this.error ??= error))
      .then(() => {
        this.#underWay.delete(sent);
        this.buffers.give(buffer);
      });
    this.#underWay.add(sent);
  }

  async complete(): Promise<void> {
    await Promise.all(this.#underWay);
    if (this.error !== undefined) throw this.error as Error;
    await this.s3.send(
      new CompleteMultipartUploadCommand({ ...this.#named, MultipartUpload: { Parts: this.#parts } }),
      { abortSignal: this.abortSignal },
    );
  }

  /** Best effort: what can't be aborted now is by the next try, or the run's end. Parts under way would come after it. */
  async abort(): Promise<void> {
    await Promise.all(this.#underWay);
    if (this.#id === undefined) return;
    await this.s3.send(new AbortMultipartUploadCommand(this.#named)).catch(() => undefined);
  }

  get #named() {
    return { ...this.place, UploadId: this.#id };
  }

  async #create(): Promise<string | undefined> {
    const command = new CreateMultipartUploadCommand({ ...this.place, ...this.kind, ChecksumAlgorithm: 'CRC32' });
    return (await this.s3.send(command, { abortSignal: this.abortSignal })).UploadId;
  }

  async #upload(part: CompletedPart, Body: Buffer): Promise<void> {
    const command = new UploadPartCommand({ ...this.#named, PartNumber: part.PartNumber, Body });
    const { ETag, ChecksumCRC32 } = await this.s3.send(command, { abortSignal: this.abortSignal });
    Object.assign(part, { ETag, ...(ChecksumCRC32 !== undefined && { ChecksumCRC32 }) });
  }
}
