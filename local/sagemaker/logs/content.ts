import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { Times } from '../runtime/log-times.js';

/** CloudWatch: an event is cut at this many bytes. */
const LARGEST_EVENT = 262_144;
const LINE_END = 0x0a;

/** One line of output. */
export interface Line {
  /** Position of its first byte, and of the byte after it, in everything the log ever held. */
  readonly start: number;
  readonly end: number;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly text: string;
}

interface Piece {
  readonly file: string;
  readonly times: Times;
  readonly start: number;
  readonly end: number;
}

/**
 * What a program has written so far: the full file before the present one, if there is one, and the present one.
 * Everything is read synchronously, so that a file can't become full in between.
 */
export class LogContent {
  readonly #pieces: readonly Piece[];

  constructor(file: string) {
    const pieces: Piece[] = [];
    for (const each of [`${file}.1`, file]) {
      if (!existsSync(each)) continue;
      const { size, mtimeMs } = statSync(each);
      const times = new Times(each, Math.round(mtimeMs));
      pieces.push({ file: each, times, start: times.base, end: times.base + size });
    }
    this.#pieces = pieces;
  }

  get start(): number {
    return this.#pieces[0]?.start ?? 0;
  }

  get end(): number {
    return this.#pieces.at(-1)?.end ?? 0;
  }

  /** When its first and its last output was written; undefined while there is none. */
  get span(): { readonly first: number; readonly last: number } | undefined {
    const [first, last] = [this.#pieces[0], this.#pieces.at(-1)];
    if (!first || !last || this.end === this.start) return undefined;
    return { first: first.times.first, last: last.times.last };
  }

  /** A position before which all output is older than `time`. */
  before(time: number): number {
    const piece = this.#pieces.findLast(({ times }) => times.first < time) ?? this.#pieces[0];
    return piece?.times.before(time) ?? 0;
  }

  /** Where the first line begins that does not begin before a position. */
  lineFrom(position: number): number {
    if (position <= this.start || this.#read(position - 1, position)[0] === LINE_END) return position;
    const next = this.#read(position, Math.min(position + LARGEST_EVENT, this.end)).indexOf(LINE_END);
    return next < 0 ? position : position + next + 1;
  }

  /**
   * The lines between two positions, the first of which begins one. A line counts once it has ended or is too long to
   * wait for its end; with `open`, the last one need not have ended.
   */
  *lines(from: number, to: number, open: boolean): Generator<Line> {
    const bytes = this.#read(from, to);
    let position = from;
    while (position < to) {
      const rest = bytes.subarray(position - from);
      const newline = rest.indexOf(LINE_END);
      const length = newline < 0 ? rest.length : newline;
      if (length <= LARGEST_EVENT && newline < 0 && !open) return;
      const kept = length > LARGEST_EVENT ? wholeCharacters(rest, LARGEST_EVENT) : length;
      const end = position + kept + (kept === length && newline >= 0 ? 1 : 0);
      const text = rest.subarray(0, kept).toString('utf8').replace(/\r$/, '');
      yield { start: position, end, timestamp: this.#at(position), text };
      position = end;
    }
  }

  #at(position: number): number {
    const piece = this.#pieces.find(({ end }) => position < end) ?? this.#pieces.at(-1);
    return piece?.times.at(position) ?? 0;
  }

  #read(from: number, to: number): Buffer {
    const parts = this.#pieces.map((piece) => {
      const [start, end] = [Math.max(from, piece.start), Math.min(to, piece.end)];
      const part = Buffer.alloc(Math.max(end - start, 0));
      if (part.length === 0) return part;
      const fd = openSync(piece.file, 'r');
      try {
        readSync(fd, part, 0, part.length, start - piece.start);
      } finally {
        closeSync(fd);
      }
      return part;
    });
    return Buffer.concat(parts);
  }
}

/** At most `limit`, and not in the middle of a UTF-8 character. */
function wholeCharacters(bytes: Buffer, limit: number): number {
  let length = limit;
  while (length > limit - 4 && ((bytes[length] ?? 0) & 0xc0) === 0x80) length -= 1;
  return length;
}
