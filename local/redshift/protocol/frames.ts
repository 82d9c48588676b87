/** One message of the PostgreSQL protocol, with its header: a type of one character and the length. */
export interface Message {
  readonly type: string;
  readonly bytes: Buffer;
}

const HEADER = 5;

/** Larger than any message that PostgreSQL itself would take. */
const LARGEST = 1024 * 1024 * 1024;

/** Cuts a stream of bytes into messages. */
export class Frames {
  private chunks: Buffer[] = [];
  private size = 0;
  private needed = HEADER;

  /**
   * The messages that are whole with this chunk; the rest waits for the next.
   * @throws Error if what comes can be no message
   */
  push(chunk: Buffer): Message[] {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size < this.needed) return [];
    const bytes = this.chunks.length === 1 ? chunk : Buffer.concat(this.chunks, this.size);
    const messages: Message[] = [];
    let at = 0;
    this.needed = HEADER;
    while (bytes.length - at >= HEADER) {
      const length = bytes.readInt32BE(at + 1) + 1;
      if (length < HEADER || length > LARGEST) throw new Error(`a message of ${length} bytes is not PostgreSQL's`);
      if (bytes.length - at < length) {
        this.needed = length;
        break;
      }
      messages.push({ type: String.fromCharCode(bytes[at] as number), bytes: bytes.subarray(at, at + length) });
      at += length;
    }
    this.chunks = at < bytes.length ? [bytes.subarray(at)] : [];
    this.size = bytes.length - at;
    return messages;
  }
}
