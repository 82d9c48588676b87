import { chmod, cp, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contentTag } from '../../engine/content.js';
import { ImageRequestError } from '../../engine/errors.js';

let root: string;
const at = (...path: string[]) => join(root, 'image', ...path);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'perennial-content-'));
  await mkdir(at('lib'), { recursive: true });
  await writeFile(at('Dockerfile'), 'FROM scratch\nCOPY . /\n');
  await writeFile(at('train'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(at('lib', 'a.mjs'), 'a');
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Tags before and after a change. */
async function around(change: () => Promise<unknown>): Promise<[string, string]> {
  const before = await contentTag(at());
  await change();
  return [before, await contentTag(at())];
}

describe('content tag', () => {
  it('is short, hexadecimal, and the same of a copy with other times and rights', async () => {
    const copy = join(root, 'elsewhere');
    await cp(at(), copy, { recursive: true });
    await utimes(join(copy, 'train'), 1, 1);
    await chmod(join(copy, 'lib', 'a.mjs'), 0o600);
    const tag = await contentTag(at());
    expect(tag).toMatch(/^[0-9a-f]{16}$/);
    expect(await contentTag(copy)).toBe(tag);
  });

  it.each([
    ['content', () => writeFile(at('lib', 'a.mjs'), 'b')],
    ['the Dockerfile', () => writeFile(at('Dockerfile'), 'FROM scratch\n')],
    ['an executable bit', () => chmod(at('train'), 0o644)],
    ['a name', () => rename(at('lib', 'a.mjs'), at('lib', 'b.mjs'))],
    ['a further file', () => writeFile(at('lib', 'b.mjs'), '')],
    ['an empty folder', () => mkdir(at('empty'))],
    ['a link', () => symlink('train', at('serve'))],
    ['what a file ends with and the next begins with', () => writeFile(at('lib', 'a.mjs'), 'a\nb')],
  ])('is another after a change of %s', async (_what, change) => {
    const [before, after] = await around(change);
    expect(after).not.toBe(before);
  });

  it('is another after a link points elsewhere, and does not follow it', async () => {
    await symlink('nowhere', at('serve'));
    const [before, after] = await around(async () => {
      await rm(at('serve'));
      await symlink('train', at('serve'));
    });
    expect(after).not.toBe(before);
  });

  it('counts build arguments, in whatever order, and the platform', async () => {
    const tag = await contentTag(at(), { BASE: 'a', EXTRA: 'b' });
    expect(await contentTag(at(), { EXTRA: 'b', BASE: 'a' })).toBe(tag);
    const others = [
      await contentTag(at()),
      await contentTag(at(), { BASE: 'a' }),
      await contentTag(at(), { BASE: 'a', EXTRA: 'b' }, 'linux/arm64'),
    ];
    expect(new Set([tag, ...others]).size).toBe(4);
  });

  it('does not count what .dockerignore leaves out', async () => {
    await writeFile(
      at('.dockerignore'),
      '# tools\n.dockerignore\nnode_modules\n**/*.md\nnotes/*\n!notes/kept.txt\nDockerfile\n',
    );
    await mkdir(at('notes'));
    await writeFile(at('notes', 'kept.txt'), '1');
    const [before, after] = await around(async () => {
      await mkdir(at('node_modules', 'x'), { recursive: true });
      await writeFile(at('node_modules', 'x', 'index.js'), '');
      await writeFile(at('lib', 'README.md'), '');
      await writeFile(at('notes', 'dropped.txt'), '');
    });
    expect(after).toBe(before);
    await writeFile(at('notes', 'kept.txt'), '2');
    const kept = await contentTag(at());
    expect(kept).not.toBe(before);
    // Docker matches names as they are written.
    await writeFile(at('lib', 'README.MD'), '');
    expect(await contentTag(at())).not.toBe(kept);
  });

  it('counts the Dockerfile though it is left out, and lets the build have its own list', async () => {
    await writeFile(at('.dockerignore'), 'lib\n');
    await writeFile(at('Dockerfile.dockerignore'), 'Dockerfile\ntrain\n');
    const [, changed] = await around(() => writeFile(at('train'), 'other'));
    expect(await contentTag(at())).toBe(changed);
    await writeFile(at('lib', 'a.mjs'), 'other');
    const inList = await contentTag(at());
    expect(inList).not.toBe(changed);
    await writeFile(at('Dockerfile'), 'FROM scratch\n');
    expect(await contentTag(at())).not.toBe(inList);
  });

  it('says what is wrong with a directory', async () => {
    const fault = (directory: string) => contentTag(directory).catch((error: unknown) => error as Error);
    expect(await fault(join(root, 'none'))).toMatchObject({ message: expect.stringContaining('none does not exist') });
    expect(await fault(at('train'))).toMatchObject({ message: expect.stringContaining('train is not a directory') });
    const missing = await fault(at('lib'));
    expect(missing).toBeInstanceOf(ImageRequestError);
    expect(missing).toMatchObject({ message: expect.stringMatching(/lib has no file Dockerfile: .*it holds a\.mjs/) });
    await writeFile(at('.dockerignore'), 'c++\n');
    expect(await fault(at())).toMatchObject({ message: expect.stringContaining(".dockerignore: a pattern can't be") });
  });
});
