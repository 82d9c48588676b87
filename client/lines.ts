import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { usageError } from './errors.js';
import type { Terminal } from './terminal.js';

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const LINE_END = 0x0a;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A line of a file of keys or values, from 1; without `text` where its bytes are not UTF-8. */
export interface Line {
  readonly number: number;
  readonly text?: string;
}

/** What is said of such a line: read as another character it would be another key. */
export const NOT_UTF8 = 'is not UTF-8: save the file as UTF-8, nothing in it is guessed';

/**
 * Lines of a file, or of standard input (`-`), that end in \n or \r\n and in nothing else: node:readline also ends one at a \r alone, which a
 * key may have. A byte-order mark at the beginning is none of the first line.
 */
export async function* linesOf(file: string, terminal: Terminal): AsyncGenerator<Line> {
  let number = 0;
  for await (const bytes of split(file === '-' ? terminal.readBytes() : read(file, terminal.cwd))) {
    number += 1;
    const own = number === 1 && bytes.subarray(0, BOM.length).equals(BOM) ? bytes.subarray(BOM.length) : bytes;
    const text = decoded(own.at(-1) === 0x0d ? own.subarray(0, -1) : own);
    yield { number, ...(text !== undefined && { text }) };
  }
}

/** UTF-16 without a mark is well-formed UTF-8 with a zero byte beside each letter. */
function decoded(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

async function* read(file: string, cwd: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of createReadStream(resolve(cwd, file))) yield chunk as Buffer;
  } catch (error) {
    throw usageError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

async function* split(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let at = bytes.indexOf(LINE_END); at >= 0; at = bytes.indexOf(LINE_END, from)) {
      yield Buffer.concat([...rest, bytes.subarray(from, at)]);
      rest = [];
      from = at + 1;
    }
    if (from < bytes.length) rest.push(bytes.subarray(from));
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}
