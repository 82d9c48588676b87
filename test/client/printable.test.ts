import { describe, expect, it } from 'vitest';
import { printable } from '../../client/printable.js';

describe('a key that is shown', () => {
  it.each(['s3://b/a b/é%20+.csv', '名前😀', 'a"b\\c'])('is as it stands: %s', (key) =>
    expect(printable(key)).toBe(key),
  );

  it.each([
    ['a\u001b[2Jb', String.raw`"a\u001b[2Jb"`],
    ['a\u009b31mb', String.raw`"a\u009b31mb"`],
    ['a\u202egpj.b', String.raw`"a\u202egpj.b"`],
    ['\u2066a', String.raw`"\u2066a"`],
    ['a\u007fb', String.raw`"a\u007fb"`],
    ['\ufeffa', String.raw`"\ufeffa"`],
    ['a\u2028b', String.raw`"a\u2028b"`],
    ['a\u{e0041}b', String.raw`"a\udb40\udc41b"`],
    ['a\nb', String.raw`"a\nb"`],
    ['a\u00a0', String.raw`"a\u00a0"`],
    ['a ', '"a "'],
  ])('has nothing raw that a terminal obeys: %j', (key, shown) => {
    expect(printable(key)).toBe(shown);
    expect(JSON.parse(shown)).toBe(key);
  });
});
