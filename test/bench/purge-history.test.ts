import { describe, expect, it } from 'vitest';
import { judge, readHistory } from '../../bench/scenarios/purge-history.js';

const payload = (value: unknown) => ({ data: Buffer.from(JSON.stringify(value)).toString('base64') });
const history = (...events: object[]) => JSON.stringify({ events });

describe('the history of a purge, as the benchmark reads it', () => {
  it('counts events, finds the largest payload, and keys wherever they stand', () => {
    const text = history(
      { input: { payloads: [payload({ uri: 'a'.repeat(100) })] } },
      { failure: { message: 'cannot delete data/part/1.csv' } },
      { result: { payloads: [payload(['data/part/2.csv'])] } },
    );
    expect(readHistory(text, 'data/part/')).toEqual({ events: 3, largestPayload: 110, leaks: 2 });
    expect(readHistory(text, 'elsewhere/').leaks).toBe(0);
  });

  it('is judged by all that it must be', () => {
    const good = {
      ...{ entries: 10, legs: 1, events: 100, largestPayload: 1_000, leaks: 0, outcome: 'Purged', erased: 10, left: 0 },
    };
    expect(judge(good)).toMatchObject({ figure: 100, ok: true });
    const bad = [
      { events: 4_000 },
      { largestPayload: 262_144 },
      { leaks: 1 },
      { outcome: 'Blocked' },
      { erased: 9 },
      { left: 1 },
    ];
    for (const one of bad) expect(judge({ ...good, ...one }).ok).toBe(false);
  });
});
