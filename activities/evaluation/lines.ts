import type { S3Client } from '@aws-sdk/client-s3';
import type { Readable } from 'node:stream';
import { type ObjectToRead, openObject, withoutKey } from './objects.js';

/**
 * The lines of an object, as they arrive, blank ones left out: neither SageMaker nor a model has to make anything of those. Lines at hand are
 * taken without waiting: a promise for each of a million would be most of the work, and of the memory.
 */
export class LineReader {
  /** Of the line taken last, from 1. */
  number = 0;
  #lines: string[] = [];
  #next = 0;
  /** What has no end yet. */
  #rest = '';
  #over = false;
  readonly #decoder = new TextDecoder();
  readonly #chunks: AsyncIterator<Buffer>;

  private constructor(
    private readonly body: Readable,
    private readonly object: ObjectToRead,
  ) {
    this.#chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  static async open(s3: S3Client, object: ObjectToRead, signal?: AbortSignal): Promise<LineReader> {
    return new LineReader(await openObject(s3, object, signal), object);
  }

  /** The next line without its end; undefined if none is at hand. */
  take(): string | undefined {
    while (this.#next < this.#lines.length) {
      const line = this.#lines[this.#next++] as string;
      this.number += 1;
      if (line.trim() !== '') return line.endsWith('\r') ? line.slice(0, -1) : line;
    }
    return undefined;
  }

  /** Waits for more lines, some of which may be blank; false once there are none. Call it when `take` has none. */
  async more(): Promise<boolean> {
    if (this.#over) return false;
    const { value, done } = await this.#chunks.next().catch((error: unknown) => {
      throw withoutKey(error, this.object);
    });
    this.#over = done === true;
    const text = this.#rest + (done ? this.#decoder.decode() : this.#decoder.decode(value, { stream: true }));
    this.#lines = text.split('\n');
    this.#next = 0;
    this.#rest = done ? '' : (this.#lines.pop() ?? '');
    return true;
  }

  /** Ends the transfer, read or not. */
  close(): void {
    this.body.destroy();
  }
}
