import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { LogContent } from '../../local/sagemaker/logs/content.js';
import { pageOf, type PageQuery } from '../../local/sagemaker/logs/page.js';
import { openLog } from '../../local/sagemaker/runtime/log-file.js';
import { temporaryFolder } from '../support/local.js';

afterEach(() => vi.useRealTimers());

const unexpected = (error: unknown): void => {
  throw error;
};
const page = (file: string, query: Partial<PageQuery> = {}) =>
  pageOf(new LogContent(file), { forward: true, limit: 10_000, ended: true, ...query });
const texts = (file: string, query: Partial<PageQuery> = {}) => page(file, query).lines.map(({ text }) => text);

/** Everything from the head on, by the positions that pages give. */
function all(file: string): string[] {
  const found: string[] = [];
  for (let position = 0, moved = true; moved;) {
    const { lines, end } = page(file, { position });
    found.push(...lines.map(({ text }) => text));
    moved = end !== position;
    position = end;
  }
  return found;
}

describe('a log that is read while it is written', () => {
  it('knows when each line was written, whole lines only', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const file = join(await temporaryFolder(), 'a.log');
    const log = openLog(file, unexpected);
    vi.setSystemTime(1000);
    log.write(Buffer.from('one\ntw'));
    vi.setSystemTime(2000);
    log.write(Buffer.from('o\r\n\nthree\nfo'));
    expect(page(file, { ended: false }).lines).toMatchObject([
      { text: 'one', timestamp: 1000 },
      { text: 'two', timestamp: 1000 },
      { text: 'three', timestamp: 2000 },
    ]);
    expect(texts(file, { startTime: 1500 })).toEqual(['three', 'fo']);
    expect(texts(file, { endTime: 2000 })).toEqual(['one', 'two']);
    const { end } = page(file, { ended: false });
    log.write(Buffer.from('ur\n'));
    expect(texts(file, { position: end, ended: false })).toEqual(['four']);
    log.close();

    vi.setSystemTime(3000);
    const again = openLog(file, unexpected);
    again.write(Buffer.from('five\n'));
    again.close();
    expect(page(file).lines.at(-1)).toMatchObject({ text: 'five', timestamp: 3000 });
  });

  it('goes on where it was when the file becomes full, and from the head if that is gone', async () => {
    const file = join(await temporaryFolder(), 'b.log');
    const log = openLog(file, unexpected);
    const written: string[] = [];
    const write = (count: number): void => {
      for (let index = 0; index < count; index += 1) {
        written.push(`${written.length} ${'x'.repeat(65_000)}`);
        log.write(Buffer.from(`${written.at(-1)}\n`));
      }
    };
    write(100);
    const { end } = page(file, { limit: 90 });
    write(60);
    expect(all(file)).toEqual(written);
    expect(texts(file, { position: end, limit: 1 })).toEqual(
      written.slice(page(file, { limit: 90 }).lines.length).slice(0, 1),
    );
    write(120);
    const kept = all(file);
    expect(kept).toEqual(written.slice(-kept.length));
    expect(texts(file, { position: end, limit: 1 })).toEqual(kept.slice(0, 1));
    log.close();
  });

  it('cuts a line that is too long between characters, and reads a log without times', async () => {
    const file = join(await temporaryFolder(), 'c.log');
    writeFileSync(file, `${'ä'.repeat(200_000)}\nend\n`);
    const lines = texts(file);
    expect(lines.map(({ length }) => length)).toEqual([131_072, 68_928, 3]);
    expect(lines.join('')).toBe(`${'ä'.repeat(200_000)}end`);
    expect(texts(file, { forward: false, limit: 1 })).toEqual(['end']);
  });
});
