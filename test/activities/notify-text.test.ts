import { describe, expect, it } from 'vitest';
import { cut, duration, escapeWithin } from '../../activities/notify/text.js';

describe('duration', () => {
  it.each([
    [0, '0 s'],
    [0.44, '0.4 s'],
    [42.4, '42 s'],
    [60, '1 min'],
    [185, '3 min 5 s'],
    [7_800, '2 h 10 min'],
    [442_800, '5 d 3 h'],
  ])('%d: %s', (seconds, text) => expect(duration(seconds)).toBe(text));
});

describe('cut texts', () => {
  it('keep within their limit and halve neither a pair nor an escape', () => {
    expect(cut('abc', 3)).toBe('abc');
    expect(cut('ab🚀', 3)).toBe('ab…');
    expect(cut('a🚀🚀', 4)).toBe('a🚀…');
    for (let max = 2; max < 12; max += 1) {
      const text = escapeWithin('a&b<c>🚀', max);
      expect(text.length).toBeLessThanOrEqual(max);
      expect(text.replace(/&(amp|lt|gt);/g, '')).not.toMatch(/&|[\uD800-\uDBFF](?![\uDC00-\uDFFF])/);
    }
  });
});
