import { PassThrough } from 'node:stream';
import type { Connection } from 'pg';
import { describe, expect, it } from 'vitest';
import { CopyRows } from '../../activities/prepare/copy-rows.js';
import { RowSplitter } from '../../activities/prepare/rows.js';
import { LabelTally } from '../../activities/prepare/statistics.js';

const ROWS = ['1,a\n', '2,"b ""\n""\nc"\n', '\n', '4,"\n"\n', `5,${'d'.repeat(40)}\n`, '6,"""\n,"\n', '7,é\n'];
const CSV = ROWS.join('');

async function* cut(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
}
const SIZES = [1, 2, 3, 4, 5, 6, 7, 11, 64, 1_000];

describe('cutting a stream of CSV into parts', () => {
  it.each([1, 5, 10, 20, 50, 1_000])(
    'of %d bytes at ends of rows, wherever the stream was cut before',
    async (most) => {
      for (const size of SIZES) {
        const rows = new RowSplitter(cut(Buffer.from(CSV), size));
        const parts: string[] = [];
        const counts: number[] = [];
        while (await rows.hasMore()) {
          const chunks: Buffer[] = [];
          for await (const chunk of rows.part(most)) chunks.push(Buffer.from(chunk));
          parts.push(Buffer.concat(chunks).toString());
          counts.push(rows.rows);
        }
        expect(parts.join('')).toBe(CSV);
        expect(counts.at(-1)).toBe(ROWS.length);
        const ends = ROWS.map((_, index) => Buffer.byteLength(ROWS.slice(0, index + 1).join('')));
        let to = 0;
        for (const [index, part] of parts.entries()) {
          // The first end of a row that is so many bytes on, or the last one.
          const end = ends.find((one) => one >= to + most) ?? ends.at(-1);
          to += Buffer.byteLength(part);
          expect(to).toBe(end);
          expect(counts[index]).toBe(ends.indexOf(to) + 1);
        }
      }
    },
  );

  it('has no part of no rows', async () => {
    const rows = new RowSplitter(cut(Buffer.alloc(0), 1));
    expect(await rows.hasMore()).toBe(false);
    expect(rows.rows).toBe(0);
  });
});

describe('the statistics of the label', () => {
  // Numbers, and three that are none.
  const labels = ['7', '-1.5', '"2e3"', '', '"x, ""y"""', '"0\n"', ' 4 ', 'NaN'];
  const rests = ['', ',a', ',"b ""c"" \n,9",d', ',e,"\n5,""\n6"', ',f,,'];
  const rows = labels.flatMap((label) => rests.map((rest) => `${label}${rest}\n`));
  it.each(SIZES)(
    'take the first field of each row, wherever the stream was cut: in pieces of %d bytes',
    async (size) => {
      const tally = new LabelTally();
      for await (const piece of cut(Buffer.from(rows.join('')), size)) tally.add(piece);
      expect([tally.rows, tally.notNumbers]).toEqual([rows.length, 3 * rests.length]);
      expect(tally.statistics('price')).toMatchObject({
        min: -1.5,
        max: 2_000,
        mean: 2_009.5 / 5,
        quantiles: { 0.5: 4 },
      });
    },
  );
});

/** A message of PostgreSQL's protocol. */
function message(code: string, content = ''): Buffer {
  const body = Buffer.from(content);
  const head = Buffer.alloc(5);
  head.write(code);
  head.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

describe('reading COPY TO STDOUT', () => {
  const copied = [
    message('H', '\0\0\0'),
    ...ROWS.slice(0, 3).map((row) => message('d', row)),
    message('N', 'a notice\0'),
  ];
  const more = [message('d'), ...ROWS.slice(3).map((row) => message('d', row)), message('S', 'TimeZone\0UTC\0')];
  const end = Buffer.concat([message('c'), message('C', 'COPY 8\0'), message('Z', 'I')]);

  /** Reads what a server sends in pieces of a size; answers the rows, and what was left to the client. */
  async function read(bytes: Buffer, size: number, settle: (rows: CopyRows) => void) {
    const stream = new PassThrough();
    const client: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => {
      client.push(Buffer.from(chunk));
      if (Buffer.concat(client).length === end.length) settle(rows);
    });
    let asked = '';
    const rows = new CopyRows('COPY (SELECT 1) TO STDOUT');
    rows.submit({ stream, query: (text: string) => (asked = text) } as unknown as Connection);
    void (async () => {
      for await (const piece of cut(bytes, size)) stream.write(piece);
    })();
    const chunks: Buffer[] = [];
    for await (const chunk of rows) chunks.push(Buffer.from(chunk));
    return { asked, rows: rows.rows, csv: Buffer.concat(chunks).toString(), client: Buffer.concat(client) };
  }

  it.each(SIZES)('takes rows, and leaves all else to the client, in pieces of %d bytes', async (size) => {
    const seen = await read(Buffer.concat([...copied, ...more, end]), size, (rows) => {
      rows.handleCommandComplete({ text: 'COPY 8' });
      rows.handleReadyForQuery();
    });
    expect(seen).toEqual({ asked: 'COPY (SELECT 1) TO STDOUT', rows: 8, csv: CSV, client: end });
  });

  it('does not take fewer rows than the server sent for all', async () => {
    const short = read(Buffer.concat([...copied, end]), 64, (rows) => {
      rows.handleCommandComplete({ text: 'COPY 8' });
      rows.handleReadyForQuery();
    });
    await expect(short).rejects.toThrow('Connection terminated early: 3 rows came of "COPY 8"');
  });

  it('has the server wait while nobody reads', () => {
    const stream = new PassThrough({ highWaterMark: 1 });
    stream.on('data', () => undefined);
    const rows = new CopyRows('COPY (SELECT 1) TO STDOUT');
    rows.submit({ stream, query: () => undefined } as unknown as Connection);
    expect(stream.write(message('d', 'x'.repeat(100_000)))).toBe(true);
    stream.write(message('d', 'x'.repeat(200_000)));
    expect(stream.isPaused()).toBe(true);
  });
});
