const QUOTE = 0x22;
const LINE_FEED = 0x0a;

/**
 * Cuts a stream of CSV into parts at ends of rows, and counts them. A line end inside of quotes ends no row; a quote within a quoted field is
 * doubled, so that whether one is inside is told by the number of quotes alone.
 */
export class RowSplitter {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer | undefined;
  #quoted = false;
  /** Whether the source has been read to its end. */
  ended = false;
  /** Rows that the parts so far hold. */
  rows = 0;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next part: at least `bytes` long, up to the end of the row in which it gets there; less at the end of the stream. */
  async *part(bytes: number): AsyncGenerator<Buffer> {
    for (let left = bytes; ;) {
      const chunk = await this.#next();
      if (!chunk) return;
      const cut = this.#scan(chunk, left);
      if (cut === undefined) {
        left -= chunk.length;
        yield chunk;
        continue;
      }
      if (cut < chunk.length) this.#rest = chunk.subarray(cut);
      yield chunk.subarray(0, cut);
      return;
    }
  }

  /** Whether anything is left. */
  async hasMore(): Promise<boolean> {
    this.#rest = await this.#next();
    return this.#rest !== undefined;
  }

  async #next(): Promise<Buffer | undefined> {
    const held = this.#rest;
    this.#rest = undefined;
    if (held && held.length > 0) return held;
    while (!this.ended) {
      const { done, value } = await this.#source.next();
      if (done) this.ended = true;
      else if (value.length > 0) return value;
    }
    return undefined;
  }

  /** Counts the rows that end in a chunk, up to where it is cut: after the first row that ends `from` bytes or more into it. */
  #scan(chunk: Buffer, from: number): number | undefined {
    let quote = chunk.indexOf(QUOTE);
    for (let at = 0; ;) {
      const inside = quote === -1 ? chunk.length : quote;
      if (!this.#quoted) {
        for (
          let end = chunk.indexOf(LINE_FEED, at);
          end !== -1 && end < inside;
          end = chunk.indexOf(LINE_FEED, end + 1)
        ) {
          this.rows += 1;
          if (end + 1 >= from) return end + 1;
        }
      }
      if (quote === -1) return undefined;
      this.#quoted = !this.#quoted;
      at = quote + 1;
      quote = chunk.indexOf(QUOTE, at);
    }
  }
}
