import { closeSync, existsSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';

/** Two numbers an entry: the position of a byte in everything the log ever held, and when it was written. */
const ENTRY_BYTES = 16;

/** Where the times of a log file's output are kept. */
export function timesFile(logFile: string): string {
  return `${logFile}.times`;
}

/** Notes when output was written, one entry a millisecond at most. */
export interface TimeWriter {
  /** Bytes that the log held before its present file; those went to `<file>.1`, or are gone. */
  readonly base: number;
  /** The byte at this position is written now. */
  note(position: number): void;
  close(): void;
}

/** Opens the times of a log file; those of one that is there already go on. */
export function writeTimes(logFile: string, base: number): TimeWriter {
  const file = timesFile(logFile);
  const fd = openSync(file, existsSync(file) ? 'r+' : 'w+');
  const first = Buffer.alloc(ENTRY_BYTES);
  let entries = Math.floor(readFileSync(file).length / ENTRY_BYTES);
  if (entries > 0) readSync(fd, first, 0, ENTRY_BYTES, 0);
  let last = 0;
  return {
    base: entries > 0 ? first.readDoubleLE(0) : base,
    note(position) {
      const now = Date.now();
      if (now === last) return;
      const entry = Buffer.alloc(ENTRY_BYTES);
      entry.writeDoubleLE(position, 0);
      entry.writeDoubleLE(now, 8);
      // At its place, not behind whatever a full disk left of an entry.
      writeSync(fd, entry, 0, ENTRY_BYTES, entries * ENTRY_BYTES);
      entries += 1;
      last = now;
    },
    close: () => closeSync(fd),
  };
}

/** When what was written. */
export class Times {
  readonly #entries: Buffer;
  readonly length: number;

  /** `otherwise` is the time of output that has none noted. */
  constructor(
    logFile: string,
    private readonly otherwise: number,
  ) {
    const file = timesFile(logFile);
    this.#entries = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
    this.length = Math.floor(this.#entries.length / ENTRY_BYTES);
  }

  /** Position of the file's first byte in everything the log ever held. */
  get base(): number {
    return this.length > 0 ? this.#position(0) : 0;
  }

  get first(): number {
    return this.length > 0 ? this.#time(0) : this.otherwise;
  }

  get last(): number {
    return this.length > 0 ? this.#time(this.length - 1) : this.otherwise;
  }

  /** When the byte at this position was written. */
  at(position: number): number {
    const index = this.#lastWhere((entry) => this.#position(entry) <= position);
    return index < 0 ? this.otherwise : this.#time(index);
  }

  /** A position before which all was written before `time`. */
  before(time: number): number {
    const index = this.#lastWhere((entry) => this.#time(entry) < time);
    return index < 0 ? this.base : this.#position(index);
  }

  #position(entry: number): number {
    return this.#entries.readDoubleLE(entry * ENTRY_BYTES);
  }

  #time(entry: number): number {
    return this.#entries.readDoubleLE(entry * ENTRY_BYTES + 8);
  }

  /** The last entry that meets a condition which all before it meet as well; -1 for none. */
  #lastWhere(meets: (entry: number) => boolean): number {
    let [low, high] = [-1, this.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (meets(middle)) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
