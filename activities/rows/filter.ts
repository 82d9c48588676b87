import { isUtf8 } from 'node:buffer';
import { Transform, type TransformCallback } from 'node:stream';
import { parse, type Parser } from 'csv-parse';

/** A field of more than a megabyte is no field: most likely a quote that nobody closed. */
const LONGEST_RECORD = 1_048_576;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** The bytes are no CSV. The message says why in general words: what stands in the object stays there. */
export class NotCsv extends Error {
  override readonly name = 'NotCsv';
}

/** The bytes are no UTF-8: no field of it can be compared, as a letter may be another one. */
export class NotUtf8 extends Error {
  override readonly name = 'NotUtf8';

  constructor() {
    super('it is not UTF-8');
  }
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

/**
 * A field, or a value to look for, as the two are compared: without blanks around it, which CSVs often have after a comma, and in NFC, as a
 * name whose accents are characters of their own is the same name.
 */
export const comparable = (value: string) => value.replace(/^[ \t\r\n\f]+|[ \t\r\n\f]+$/g, '').normalize('NFC');

/** A field that was read one byte a character; the parser has taken the blanks. */
const decoded = (field: string) =>
  // eslint-disable-next-line no-control-regex -- ASCII, which is most fields, is as it stands
  /^[\x00-\x7f]*$/.test(field) ? field : Buffer.from(field, 'latin1').toString().normalize('NFC');

/**
 * Passes CSV on without the rows whose field `matches`: byte for byte as they came, quotes, line ends and byte-order mark included. Fields are
 * compared as `comparable` says. In memory are one chunk and one row. Fails with NotCsv on what is no CSV, with NotUtf8 on what is not UTF-8.
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
  readonly #encoding = new Utf8Check();

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
        if (field !== undefined && matches(decoded(field))) {
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
    const fault = this.#encoding.next(chunk);
    if (fault) return done(fault);
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (!this.#started && this.#pending.length < BOM.length) return done();
    this.#feed(done);
  }

  override _flush(done: TransformCallback): void {
    this.#feed((error) => {
      const fault = error ?? this.#encoding.end();
      if (fault) return done(fault);
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

/** Looks at bytes as they pass, across the borders of chunks. */
class Utf8Check {
  /** Bytes of a character whose others are in the next chunk. */
  #rest: Buffer = Buffer.alloc(0);
  #begun = false;

  next(chunk: Buffer): Error | undefined {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    // The marks of UTF-16 come before its zero bytes.
    if (!this.#begun && (bytes[0] ?? 0) >= 0xfe) return new NotUtf8();
    this.#begun ||= bytes.length > 0;
    if (chunk.includes(0)) return new NotCsv('it holds zero bytes');
    const whole = bytes.length - unfinished(bytes);
    this.#rest = bytes.subarray(whole);
    return isUtf8(bytes.subarray(0, whole)) ? undefined : new NotUtf8();
  }

  end(): Error | undefined {
    return this.#rest.length > 0 ? new NotUtf8() : undefined;
  }
}

/** How many of the last bytes may be the beginning of a character: at most three. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    // A byte that begins a character says how many it has.
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}

/** The parser's own words quote the field. */
function notCsv(error: Error): NotCsv {
  const { code } = error as { code?: string };
  return new NotCsv(
    code === undefined ? 'it can not be parsed' : code.replace(/^CSV_/, '').replaceAll('_', ' ').toLowerCase(),
  );
}
