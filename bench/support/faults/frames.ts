/** A message of PostgreSQL's frontend, as it came: `tag` is empty for the first one of a connection, which has none. */
export interface Frame {
  readonly tag: string;
  readonly bytes: Buffer;
  /** What follows tag and length. */
  readonly body: Buffer;
}

/** Cuts a frontend's bytes into messages: a length that counts itself, behind a tag on all but the first (PostgreSQL manual, "Message Formats"). */
export class Frames {
  #left = Buffer.alloc(0);
  #first = true;

  /** The messages that are complete with these bytes. */
  *cut(bytes: Buffer): Generator<Frame> {
    this.#left = Buffer.concat([this.#left, bytes]);
    for (;;) {
      const head = this.#first ? 0 : 1;
      if (this.#left.length < head + 4) return;
      const end = head + this.#left.readInt32BE(head);
      if (this.#left.length < end) return;
      const bytesOf = this.#left.subarray(0, end);
      yield { tag: bytesOf.toString('latin1', 0, head), bytes: bytesOf, body: bytesOf.subarray(head + 4) };
      this.#left = this.#left.subarray(end);
      this.#first = false;
    }
  }
}

/** The statement that a message brings, undefined where it brings none. */
export function statementOf({ tag, body }: Frame): string | undefined {
  // Query: the text. Parse: the statement's name, then the text. Each ends with a zero.
  if (tag !== 'Q' && tag !== 'P') return undefined;
  const start = tag === 'P' ? body.indexOf(0) + 1 : 0;
  return body.toString('utf8', start, body.indexOf(0, start));
}

/** An ErrorResponse that ends the session. */
export function fatalError(sqlState: string, message: string): Buffer {
  const fields = ['SFATAL', 'VFATAL', `C${sqlState}`, `M${message}`].map((field) => `${field}\0`).join('');
  const body = Buffer.from(`${fields}\0`);
  const head = Buffer.alloc(5);
  head.write('E', 0);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
