import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAILURES } from '../contracts/failures.js';

describe('docs/failures.md', () => {
  it('lists every type of failure with its class, and no other', () => {
    const page = readFileSync(new URL('../docs/failures.md', import.meta.url), 'utf8');
    const listed = Object.fromEntries(
      [...page.matchAll(/^\| `(\w+)` +\| (\w+) +\|/gm)].map((match) => [match[1], match[2]]),
    );
    expect(listed).toEqual(FAILURES);
  });
});
