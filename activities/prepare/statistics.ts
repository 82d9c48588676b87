import type { LabelStatistics } from '../../contracts/prepare.js';

/** Labels kept to compute quantiles from: all of an export of so many rows, an even sample of a larger one. 8 MB. */
const KEPT = 1_000_000;
const PROBABILITIES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
const BINS = 40;
const COMMA = 0x2c;
const QUOTE = 0x22;
const LINE_FEED = 0x0a;
/** A number has no more characters; of a longer first field nobody needs the rest. */
const LONGEST = 64;

/** What the first fields of CSV rows come to, in constant memory. */
export class LabelTally {
  readonly #kept = new Float64Array(KEPT);
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = -Infinity;
  /** Rows whose first field is no number, an empty one included. */
  notNumbers = 0;
  rows = 0;
  /** State of the row that a chunk may cut: its first field so far, or undefined behind it. */
  #field: number[] | undefined = [];
  #quoted = false;

  /** Takes the next bytes of the CSV. */
  add(chunk: Buffer): void {
    const next = (byte: number, from: number) => {
      const found = chunk.indexOf(byte, from);
      return found === -1 ? chunk.length : found;
    };
    // Looked for once a quote and not once a row: most chunks have none at all.
    let quote = next(QUOTE, 0);
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (byte === QUOTE) this.#quoted = !this.#quoted;
      else if (this.#quoted) this.#take(byte);
      else if (byte === LINE_FEED) this.#endRow();
      else if (byte === COMMA) this.#endField();
      else this.#take(byte);
      // Behind the label nothing matters up to the row's end but quotes: jump.
      if (this.#field !== undefined) continue;
      if (quote <= at) quote = next(QUOTE, at + 1);
      at = Math.max(at, (this.#quoted ? quote : Math.min(quote, next(LINE_FEED, at + 1))) - 1);
    }
  }

  #take(byte: number | undefined): void {
    if (this.#field && this.#field.length < LONGEST && byte !== undefined) this.#field.push(byte);
  }

  #endField(): void {
    if (!this.#field) return;
    const text = String.fromCharCode(...this.#field).trim();
    const value = text === '' ? Number.NaN : Number(text);
    if (Number.isFinite(value)) this.#number(value);
    else this.notNumbers += 1;
    this.#field = undefined;
  }

  #endRow(): void {
    this.#endField();
    this.rows += 1;
    this.#field = [];
  }

  #number(value: number): void {
    if (this.#count < KEPT) this.#kept[this.#count] = value;
    else {
      // Each of n values stays with probability KEPT/n; the multiplier spreads the indexes evenly, the same ones every time.
      const place = Math.floor(((this.#count * 0.618_033_988_749_895) % 1) * (this.#count + 1));
      if (place < KEPT) this.#kept[place] = value;
    }
    this.#count += 1;
    this.#sum += value;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
  }

  /** Undefined where no row has a number. */
  statistics(name: string): LabelStatistics | undefined {
    if (this.#count === 0) return undefined;
    const values = this.#kept.subarray(0, Math.min(this.#count, KEPT)).sort();
    const at = (probability: number) => values[Math.max(0, Math.ceil(probability * values.length) - 1)] as number;
    const histogram = new Array<number>(BINS).fill(0);
    const width = (this.#max - this.#min) / BINS || 1;
    for (const value of values) {
      const bin = Math.min(BINS - 1, Math.floor((value - this.#min) / width));
      histogram[bin] = (histogram[bin] ?? 0) + this.#count / values.length;
    }
    return {
      ...{ name, min: this.#min, max: this.#max, mean: this.#sum / this.#count },
      quantiles: Object.fromEntries(PROBABILITIES.map((one) => [String(one), at(one)])),
      histogram: histogram.map(Math.round),
    };
  }
}
