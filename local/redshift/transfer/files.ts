import type { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { once } from 'node:events';
import { PassThrough, type Writable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { UnloadStatement } from '../sql/unload.js';
import { encryption } from './s3.js';

/** A file that an UNLOAD has written. */
export interface UnloadedFile {
  readonly key: string;
  readonly bytes: number;
  readonly rows: number;
}

/** Rows are handed on in blocks: one write a row would be mostly overhead. */
const BLOCK = 64 * 1024;

/** One object that is being uploaded. */
class File {
  rows = 0;
  /** Before compression. */
  size = 0;
  private bytes = 0;
  private block: Buffer[] = [];
  private blockSize = 0;
  private readonly body = new PassThrough();
  private readonly input: Writable;
  private readonly uploaded: Promise<unknown>;

  constructor(
    s3: S3Client,
    readonly key: string,
    { to, gzip, kmsKeyId }: UnloadStatement,
  ) {
    this.input = gzip ? createGzip() : this.body;
    if (gzip)
      (this.input as ReturnType<typeof createGzip>)
        .on('data', (chunk: Buffer) => (this.bytes += chunk.length))
        .pipe(this.body);
    const params = { Bucket: to.bucket, Key: key, Body: this.body, ...encryption(kmsKeyId) };
    this.uploaded = new Upload({ client: s3, params, queueSize: 1 }).done();
    // What ends an upload ends the writing to it.
    this.uploaded.catch((error: Error) => this.abandon(error));
    for (const stream of [this.input, this.body]) stream.on('error', () => undefined);
  }

  async write(row: Buffer): Promise<void> {
    this.block.push(row);
    this.blockSize += row.length;
    this.size += row.length;
    if (this.blockSize >= BLOCK) await this.flush();
  }

  private async flush(): Promise<void> {
    const block = Buffer.concat(this.block, this.blockSize);
    [this.block, this.blockSize] = [[], 0];
    if (this.body.errored) throw this.body.errored;
    if (!this.input.write(block)) await Promise.race([once(this.input, 'drain'), this.uploaded]);
  }

  async end(): Promise<UnloadedFile> {
    await this.flush();
    this.input.end();
    await this.uploaded;
    const { key, rows } = this;
    return { key, rows, bytes: this.input === this.body ? this.size : this.bytes };
  }

  /** Ends the upload without an object; resolves once S3 holds no part of it. */
  async abandon(error: Error): Promise<void> {
    this.input.destroy(error);
    this.body.destroy(error);
    await this.uploaded.catch(() => undefined);
  }
}

/** The files of an UNLOAD: two slices that take turns where it is parallel, each cut at the largest size. */
export class UnloadFiles {
  private readonly finished: UnloadedFile[] = [];
  private readonly slices: { parts: number; file: File | undefined }[];
  private turn = 0;

  constructor(
    private readonly s3: S3Client,
    private readonly unload: UnloadStatement,
    /** Stands at the beginning of every file. */
    private readonly header: Buffer | undefined,
  ) {
    this.slices = Array.from({ length: unload.parallel ? 2 : 1 }, () => ({ parts: 0, file: undefined }));
  }

  private keyOf(slice: number, part: number): string {
    const { to, parallel, gzip, extension } = this.unload;
    const number = (value: number, width: number) => String(value).padStart(width, '0');
    const name = parallel ? `${number(slice, 4)}_part_${number(part, 2)}` : number(part, 3);
    const suffix = extension ?? (gzip ? 'gz' : '');
    return `${to.key}${name}${suffix === '' ? '' : `.${suffix.replace(/^\./, '')}`}`;
  }

  /** Takes one row, with its line break. */
  async write(row: Buffer): Promise<void> {
    const index = this.turn;
    this.turn = (index + 1) % this.slices.length;
    const slice = this.slices[index] as (typeof this.slices)[number];
    if (slice.file && slice.file.size + row.length > this.unload.maxFileSize) {
      this.finished.push(await slice.file.end());
      slice.file = undefined;
    }
    if (!slice.file) {
      slice.file = new File(this.s3, this.keyOf(index, slice.parts), this.unload);
      slice.parts += 1;
      if (this.header) await slice.file.write(this.header);
    }
    slice.file.rows += 1;
    await slice.file.write(row);
  }

  /** Ends all files. Slices without rows have none. */
  async end(): Promise<UnloadedFile[]> {
    for (const slice of this.slices) {
      if (slice.file) this.finished.push(await slice.file.end());
      slice.file = undefined;
    }
    return this.finished.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async abandon(error: Error): Promise<void> {
    await Promise.all(this.slices.map(({ file }) => file?.abandon(error)));
  }
}
