import { Transform, type TransformCallback } from 'node:stream';
import { parse, type Parser } from 'csv-parse';

/** A field of more than a megabyte is no field: most likely a quote that nobody closed. */
const LONGEST_RECORD = 1_048_576;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** The bytes are no CSV. The message says why in general words: what stands in the object stays there. */
export class NotCsv extends Error {
  override readonly name = 'NotCsv';
}

/** What a filter has seen; blank lines count as nothing. */
export interface RowCounts {
  /** Rows left out. */
  rows: number;
  /** Rows passed on. */
  kept: number;
  /** Rows passed on without a look at their field, as they have fewer columns. */
  short: number;
}

/** A field, or a value to look for, as the two are compared: without blanks around it, which CSVs often have after a comma. */
export const trimmed = (value: string) => value.replace(/^[ \t\r\n\f]+|[ \t\r\n\f]+$/g, '');

/**
 * Passes CSV on without the rows whose field `matches`: byte for byte as they came, quotes, line ends and byte-order mark included. Fields are
 * compared without the blanks around them. In memory are one chunk and one row. Fails with NotCsv on what is no CSV.
 * @param column 1-based
 */
export class RowFilter extends Transform {
  readonly counts: RowCounts = { rows: 0, kept: 0, short: 0 };
  readonly #parser: Parser;
  #started = false;
  /** What came and is neither passed on nor dropped, and where it begins. */
  #pending: Buffer = Buffer.alloc(0);
  #from = 0;
  /** Up to where rows have ended; `#dropped` is what of it goes. */
  #to = 0;
  /** Up to where the parser has the bytes. */
  #fed = 0;
  #dropped: [from: number, to: number][] = [];

  constructor(column: number, matches: (value: string) => boolean) {
    super();
    this.#parser = parse({
      // One byte a character: offsets and fields stay exact whatever the encoding is.
      encoding: 'latin1',
      trim: true,
      relax_column_count: true,
      record_delimiter: ['\r\n', '\n', '\r'],
      max_record_size: LONGEST_RECORD,
      on_record: (record: string[], { bytes }) => {
        const field = record[column - 1];
        if (field !== undefined && matches(Buffer.from(field, 'latin1').toString())) {
          this.counts.rows += 1;
          this.#drop(this.#to, bytes);
        } else if (record.length > 1 || record[0] !== '') {
          this.counts.kept += 1;
          if (field === undefined) this.counts.short += 1;
        }
        this.#to = bytes;
        return null;
      },
    });
    // Each write and the end answer with the error themselves.
    this.#parser.on('error', () => undefined);
    this.#parser.resume();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (chunk.includes(0)) return done(new NotCsv('it holds zero bytes'));
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (!this.#started && this.#pending.length < BOM.length) return done();
    this.#feed(done);
  }

  override _flush(done: TransformCallback): void {
    this.#feed((error) => {
      if (error) return done(error);
      this.#parser.end((failed?: Error | null) => {
        if (failed) return done(notCsv(failed));
        // Blank lines at the end are no rows to the parser.
        this.#to = this.#from + this.#pending.length;
        this.#pass();
        done();
      });
    });
  }

  /** Hands what is new to the parser, and passes on what it has judged. */
  #feed(done: TransformCallback): void {
    let fresh = this.#pending.subarray(this.#fed - this.#from);
    if (!this.#started) {
      this.#started = true;
      if (fresh.subarray(0, BOM.length).equals(BOM)) {
        this.push(BOM);
        this.#pending = this.#pending.subarray(BOM.length);
        fresh = fresh.subarray(BOM.length);
      }
    }
    this.#fed = this.#from + this.#pending.length;
    if (fresh.length === 0) return done();
    this.#parser.write(fresh, (error) => {
      if (error) return done(notCsv(error));
      this.#pass();
      done();
    });
  }

  #drop(from: number, to: number): void {
    const last = this.#dropped.at(-1);
    if (last?.[1] === from) last[1] = to;
    else this.#dropped.push([from, to]);
  }

  #pass(): void {
    const at = (offset: number) => offset - this.#from;
    let from = this.#from;
    for (const [start, end] of this.#dropped) {
      if (start > from) this.push(this.#pending.subarray(at(from), at(start)));
      from = end;
    }
    if (this.#to > from) this.push(this.#pending.subarray(at(from), at(this.#to)));
    this.#pending = this.#pending.subarray(at(this.#to));
    this.#from = this.#to;
    this.#dropped = [];
  }
}

/** The parser's own words quote the field. */
function notCsv(error: Error): NotCsv {
  const { code } = error as { code?: string };
  return new NotCsv(
    code === undefined ? 'it can not be parsed' : code.replace(/^CSV_/, '').replaceAll('_', ' ').toLowerCase(),
  );
}
