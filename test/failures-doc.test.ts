import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAILURES } from '../contracts/failures.js';

const page = readFileSync(new URL('../docs/failures.md', import.meta.url), 'utf8');
const COLUMNS = ['Class', 'What happened', 'Temporal UI', 'CLI', 'Slack', 'What to do'];

/** What the page says of each type, by column. */
const described = Object.fromEntries(
  page
    .split(/^#{2,3} /m)
    .map((section) => [/^`(\w+)`$/m.exec(section.split('\n', 1)[0] ?? '')?.[1], section] as const)
    .filter(([type]) => type !== undefined)
    .map(([type, section]) => [
      type,
      Object.fromEntries([...section.matchAll(/^- ([A-Z][\w ]+): (.+)$/gm)].map((match) => [match[1], match[2]])),
    ]),
) as Record<string, Record<string, string>>;

describe('docs/failures.md', () => {
  it('describes every type of failure, and no other, in the order of contracts/failures.ts', () => {
    expect(Object.keys(described)).toEqual(Object.keys(FAILURES));
  });

  it.each(Object.entries(FAILURES))('says of %s its class, what is seen where, and what to do', (type, kind) => {
    const columns = described[type] ?? {};
    expect(Object.keys(columns)).toEqual(COLUMNS);
    expect(columns['Class']).toBe(kind);
    for (const text of Object.values(columns)) expect(text.trim()).not.toBe('');
  });

  it('says for the words that it uses what is seen in the UI, the CLI and Slack', () => {
    for (const word of ['retrying', 'red', 'warning']) {
      const [, meaning = ''] = new RegExp(String.raw`^- \*\*${word}\*\*: (.+)$`, 'm').exec(page) ?? [];
      const places = word === 'retrying' ? ['Temporal UI:', 'CLI:'] : ['Temporal UI:', 'CLI:', 'Slack:'];
      for (const place of places) expect(meaning).toContain(place);
    }
  });

  it('describes every class', () => {
    const classes = [...page.matchAll(/^\| (\w+) +\| /gm)].map((match) => match[1]).slice(1);
    expect(classes).toEqual([...new Set(Object.values(FAILURES))]);
  });
});
