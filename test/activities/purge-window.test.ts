import { describe, expect, it } from 'vitest';
import type { Doomed } from '../../activities/purge/delete.js';
import { Window, unpack } from '../../activities/purge/window.js';

const versions = (key: string, count: number): Doomed[] =>
  Array.from({ length: count }, (_, index) => ({ key, versionId: `${key}-${index}`, size: 1 }));
const marker = (key: string): Doomed => ({ key, versionId: `${key}-marker`, size: 0, marker: true });
const ids = (batches: readonly Buffer[]) => batches.map((batch) => unpack(batch).map(({ versionId }) => versionId));
const NO_MARKERS = { markers: [], current: true };

describe('windows of batches', () => {
  it('are batches of 1,000, and what fills none waits for the next window, its hash too', () => {
    const window = new Window();
    for (let index = 0; !window.full; index += 1)
      window.add(`hash-${index}`, { versions: versions(`k${index}`, 3), ...NO_MARKERS });
    const first = window.take(false);
    expect(ids(first.versions).map((batch) => batch.length)).toEqual([1_000, 1_000]);
    expect(
      Buffer.concat([...first.hashes])
        .toString()
        .split('\n'),
    ).toEqual([...Array.from({ length: 667 }, (_, index) => `hash-${index}`), '']);
    expect(window.empty).toBe(false);
    const rest = window.take(true);
    expect(Buffer.concat([...rest.hashes])).toHaveLength(0);
    expect([...ids(first.versions), ...ids(rest.versions), ...ids(rest.markers)].flat()).toHaveLength(667 * 3);
    expect(window.empty).toBe(true);
  });

  it('keep markers back until the versions of their keys have gone', () => {
    const window = new Window();
    window.add('a', { versions: versions('a', 999), markers: [marker('a')], current: false });
    window.add('b', { versions: versions('b', 2), markers: [marker('b')], current: false });
    window.add('c', { versions: [], markers: [marker('c')], current: false });
    const first = window.take(false);
    expect(first.versions).toHaveLength(1);
    expect(first.markers).toEqual([]);
    const last = window.take(true);
    expect(ids(last.versions)).toEqual([['b-1']]);
    expect(ids(last.markers)).toEqual([['a-marker', 'c-marker', 'b-marker']]);
  });

  it('keep back the current version of a key that lies in several batches: it goes last', () => {
    const window = new Window();
    window.add('a', { versions: versions('a', 1_500), ...NO_MARKERS });
    const { versions: batches, markers } = window.take(true);
    expect(ids(batches).flat()).not.toContain('a-1499');
    expect(ids(batches).flat()).toHaveLength(1_499);
    expect(ids(markers)).toEqual([['a-1499']]);
  });

  it('grow, so that a large purge writes few hash objects and a small one begins at once', () => {
    const window = new Window();
    const batches: number[] = [];
    for (let index = 0; batches.length < 4; index += 1) {
      window.add(undefined, { versions: versions('k', 500), markers: [], current: false });
      if (window.full) batches.push(window.take(false).versions.length);
    }
    expect(batches).toEqual([2, 20, 100, 100]);
  });
});
