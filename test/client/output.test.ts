import { describe, expect, it } from 'vitest';
import { Output } from '../../client/output.js';
import type { Terminal } from '../../client/terminal.js';
import { version } from '../../client/version.js';
import { call } from './terminal.js';

const HEADER = ['RUN', 'STATE', 'BEGAN', 'TOOK', 'FILES', 'REASON'];
const ROWS = [
  [
    'retrain/weather/2026-11-21T09:00:00.000Z',
    'Failed',
    '2 h ago',
    '3 min 5 s',
    '1095',
    'a reason that is rather long to read',
  ],
  ['retrain/weather/2026-11-20T09:00:00.000Z', 'Deployed', '1 d ago', '4 min', '1094', ''],
];

/** The table as lines, on a terminal this wide. */
function table(columns: number | undefined, env: NodeJS.ProcessEnv = { NO_COLOR: '1' }): string[] {
  const output = new Output({ outIsTty: columns !== undefined, columns, env } as Terminal, false);
  return output.table(HEADER, ROWS, ['FILES', 'TOOK', 'BEGAN']).split('\n');
}
const widest = (lines: readonly string[]) => Math.max(...lines.map((line) => line.length));

describe('a table', () => {
  it('is whole where nobody says how wide a line may be', () => {
    expect(table(undefined)[0]).toMatch(/^RUN +STATE +BEGAN +TOOK +FILES +REASON$/);
    expect(table(undefined)[1]).toContain('rather long to read');
  });

  it.each([
    [100, /^RUN +STATE +BEGAN +TOOK +FILES +REASON$/],
    [90, /^RUN +STATE +BEGAN +REASON$/],
    [80, /^RUN +STATE +REASON$/],
  ])('keeps within %i columns: leaves columns out, then shortens the last', (columns, header) => {
    const lines = table(columns);
    expect(widest(lines)).toBeLessThanOrEqual(columns);
    expect(lines[0]).toMatch(header);
    expect(lines[1]).toMatch(/a reason that.*…$/);
  });

  it('keeps its colours where it is cut', () => {
    const [header = ''] = table(80, {});
    expect(header).toContain('\u001b[1mRUN\u001b[22m');
  });
});

describe('facts', () => {
  const env: NodeJS.ProcessEnv = { NO_COLOR: '1' };
  const facts = (columns: number | undefined) =>
    new Output({ outIsTty: columns !== undefined, columns, env } as Terminal, false).facts([
      ['targets', '1 object'],
      ['chain', `row 3, ${'f'.repeat(64)}, s3://audit-heads/${'d'.repeat(80)}`],
    ]);

  it('fill the lines of a terminal, and break no word that is copied', () => {
    expect(facts(undefined).split('\n')).toHaveLength(2);
    const lines = facts(80).split('\n');
    expect(lines.slice(1, 3)).toEqual(['chain    row 3,', `         ${'f'.repeat(64)},`]);
    expect(lines[3]).toBe(`         s3://audit-heads/${'d'.repeat(80)}`);
  });
});

describe('--version', () => {
  it("prints the package's version", async () => {
    expect(version()).toMatch(/^\d+\.\d+\.\d+/);
    expect(await call({}, ['--version'])).toMatchObject({ code: 0, out: `${version()}\n`, err: '' });
  });
});
