import type { Duplex } from 'node:stream';
import type { Connection, Submittable } from 'pg';

/** Messages of PostgreSQL's protocol (message formats): code, four bytes of length that count themselves, content. */
const COPY_DATA = 0x64;
const HEADER = 5;
/** What may stand between the rows: CopyOutResponse, NoticeResponse, ParameterStatus, NotificationResponse. Nobody here listens to them. */
const BETWEEN = new Set([0x48, 0x4e, 0x53, 0x41]);
/** The server waits while nobody has read so much. */
const HELD_BYTES = 262_144;

type Listener = (chunk: Buffer) => void;

/**
 * `COPY … TO STDOUT` as bytes: a query for `client.query`, and an iterable of what it answers, with as much in memory as the reader leaves
 * behind. It takes the connection's bytes over from the client while the rows come, and cuts the heads of messages out in place: a row costs
 * neither an object nor a copy of its own, which is more than half of what a worker spends on an export otherwise (docs/decisions/0017).
 */
export class CopyRows implements Submittable, AsyncIterable<Buffer> {
  /** Rows that came. The server sends one message a row. */
  rows = 0;
  /** What the server, or the connection, says is wrong. */
  error: unknown;
  readonly #text: string;
  #stream: Duplex | undefined;
  /** The client's own reader of the connection. */
  #client: Listener | undefined;
  readonly #head = Buffer.alloc(HEADER);
  /** Bytes of a head, and of a message, that a chunk had at its end, and that are still to come. */
  #headBytes = 0;
  #left = 0;
  #isRow = false;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  submit(connection: Connection): void {
    const { stream } = connection;
    const [client, ...others] = stream.listeners('data') as Listener[];
    if (!client || others.length > 0) throw new Error('the connection has no single reader: another version of pg?');
    this.#stream = stream;
    this.#client = client;
    stream.off('data', client);
    stream.on('data', this.#take);
    connection.query(this.#text);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (;;) {
      if (this.error !== undefined) throw this.error as Error;
      const chunk = this.#held.shift();
      if (chunk) {
        this.#heldBytes -= chunk.length;
        yield chunk;
        continue;
      }
      if (this.#ended) return;
      this.#stream?.resume();
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  readonly #take = (chunk: Buffer): void => {
    const rows = this.#rowsOf(chunk);
    if (rows.length === 0) return;
    this.#held.push(rows);
    this.#heldBytes += rows.length;
    if (this.#heldBytes >= HELD_BYTES && this.#client) this.#stream?.pause();
    this.#wakeUp();
  };

  /** Moves the rows of a chunk together, at its beginning. */
  #rowsOf(chunk: Buffer): Buffer {
    let [at, to] = [0, 0];
    while (at < chunk.length) {
      if (this.#left > 0) {
        const end = Math.min(at + this.#left, chunk.length);
        if (this.#isRow) {
          chunk.copyWithin(to, at, end);
          to += end - at;
        }
        this.#left -= end - at;
        at = end;
        continue;
      }
      const taken = chunk.copy(this.#head, this.#headBytes, at, at + HEADER - this.#headBytes);
      this.#headBytes += taken;
      at += taken;
      if (this.#headBytes < HEADER) break;
      this.#headBytes = 0;
      const code = this.#head[0] ?? 0;
      this.#isRow = code === COPY_DATA;
      if (this.#isRow) this.rows += 1;
      else if (!BETWEEN.has(code)) {
        this.#handBack(Buffer.concat([this.#head, chunk.subarray(at)]));
        break;
      }
      this.#left = this.#head.readUInt32BE(1) - 4;
    }
    return chunk.subarray(0, to);
  }

  /** The rows are over, well or not: what comes now is for the client to read. */
  #handBack(rest: Buffer): void {
    const [stream, client] = [this.#stream, this.#client];
    if (!stream || !client) return;
    this.#client = undefined;
    stream.off('data', this.#take);
    stream.on('data', client);
    client(rest);
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** From the client: the server's error, or the connection's end. */
  handleError(error: unknown): void {
    this.error ??= error;
    this.#wakeUp();
  }

  /** From the client: rows count only if the server says that it sent so many. */
  handleCommandComplete({ text }: { readonly text: string }): void {
    if (text !== `COPY ${this.rows}`)
      this.handleError(new Error(`Connection terminated early: ${this.rows} rows came of "${text}"`));
  }

  /** From the client: the server is done, with all that might have gone wrong. */
  handleReadyForQuery(): void {
    this.#ended = true;
    this.#wakeUp();
  }
}
