import { describe, expect, it } from 'vitest';
import { decisionOf } from '../../client/person.js';

describe('who decides, and why', () => {
  it('are kept in one line, without what a terminal would obey', () => {
    expect(decisionOf({ by: ' ada\n', note: 'seen\r\nby all \u001b[2J🚀 "ü"' }, {})).toEqual({
      by: 'ada',
      note: 'seen by all  [2J🚀 "ü"',
    });
  });

  it('is the user of this machine, for no reason, where neither is said', () => {
    const decision = decisionOf({ note: ' \n' }, {});
    expect(decision.by).not.toBe('');
    expect(decision).not.toHaveProperty('note');
  });

  it.each([
    [{ by: '\t' }, '--by is empty'],
    [{ by: 'x'.repeat(101) }, '--by has over 100 characters'],
    [{ note: 'x'.repeat(1_001) }, '--note has over 1000 characters'],
  ])('%# is refused: %s', (given, words) => {
    expect(() => decisionOf(given, {})).toThrow(words);
  });
});
