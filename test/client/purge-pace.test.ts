import { describe, expect, it } from 'vitest';
import { paceOf, type LivePurge } from '../../client/purge/look.js';

const beat = { versions: 0, markers: 0, uploads: 0, bytes: 0, keys: 0, rate: 0, targets: 0 };

function pace(of: Partial<typeof beat>, objects: number, prefixes = 0): string | undefined {
  const targets = { objects, prefixes, values: 0 };
  return paceOf({ beat: { ...beat, ...of }, progress: { targets } as LivePurge['progress'] & object });
}

describe('the pace of a purge', () => {
  it('shows targets looked at where nothing is erased, as of keys that are not there', () => {
    expect(pace({ targets: 4_000 }, 9_999, 1)).toBe('looked at 4000 of 10000 targets');
    expect(pace({}, 10_000)).toBeUndefined();
    expect(pace({ targets: 1 }, 1)).toBeUndefined();
  });

  it('shows what was erased, how fast, and what is left of a list of keys', () => {
    expect(pace({ targets: 30, keys: 20, versions: 25, rate: 10 }, 60)).toBe(
      'looked at 30 of 60 targets; erased 25 entries of 20 keys in this leg, 10/s, about 4.0 s left',
    );
    expect(pace({ keys: 1, versions: 1, rate: 1 }, 0, 1)).toBe('erased 1 entry of 1 key in this leg, 1/s');
  });

  it('reads the heartbeat of a worker from before targets were counted', () => {
    const { targets: _, ...old } = { ...beat, keys: 2, versions: 2, rate: 1 };
    expect(paceOf({ beat: old })).toBe('erased 2 entries of 2 keys in this leg, 1/s');
  });
});
