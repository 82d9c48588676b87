import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildImage } from '../../engine/build.js';
import { contentTag } from '../../engine/content.js';
import type { Engine } from '../../engine/engine.js';
import { ImageError, ImageRequestError } from '../../engine/errors.js';
import { pushImage } from '../../engine/push.js';
import { enginesHere, sharesLoopback } from '../support/engine.js';
import { TestRegistry } from '../support/registry.js';

const { engines, reason } = await enginesHere();
if (engines.length === 0) it.skip(`builds and pushes images: not tested, ${reason}`, () => undefined);

describe.each(engines.map((engine) => [engine.name, engine] as const))('an image by %s', (_name, engine: Engine) => {
  const made = new Set<string>();
  let root: string;
  let directory: string;
  let registry: TestRegistry;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'perennial-image-'));
    // No other test, and no earlier run, has built the same.
    directory = join(root, `Perennial-${randomUUID()}`);
    await mkdir(directory);
    await writeFile(
      join(directory, 'Dockerfile'),
      'FROM scratch\nARG KIND=plain\nLABEL kind=$KIND\nCOPY train /first\nCOPY . /\n',
    );
    await writeFile(join(directory, 'train'), '#!/bin/sh\n', { mode: 0o755 });
    registry = await new TestRegistry().start();
  });
  afterEach(async () => {
    await registry.stop();
    await rm(root, { recursive: true, force: true });
  });
  afterAll(async () => {
    for (const reference of made) await engine.run(['image', 'rm', '--force', reference]).catch(() => undefined);
  });

  async function build(options?: Parameters<typeof buildImage>[2]) {
    const image = await buildImage(engine, directory, options);
    made.add(image.reference);
    return image;
  }

  async function push(reference: string, to: string, options?: Parameters<typeof pushImage>[3]) {
    // A push that is refused leaves its tag too.
    made.add(`${to}/${reference.split('/').at(-1)}`);
    return pushImage(engine, reference, to, options);
  }

  const inspect = (reference: string, format: string) =>
    engine.run(['image', 'inspect', '--format', format, reference]);

  it('is built once for a content, under a reference that the engine takes', async () => {
    const lines: string[] = [];
    const first = await build({ onLine: (line) => lines.push(line) });
    expect(first).toMatchObject({ built: true, id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
    expect(first.reference.endsWith(`${await contentTag(directory)}`)).toBe(true);
    expect(lines.join('\n')).toMatch(/COPY/);
    expect(await inspect(first.reference, '{{.Config.Labels.kind}}')).toBe('plain');
    expect(await build()).toEqual({ ...first, built: false });
    await writeFile(join(directory, 'serve'), '');
    expect((await build()).reference).not.toBe(first.reference);
  });

  it('takes a name and build arguments, and leaves out what .dockerignore says', async () => {
    await writeFile(join(directory, '.dockerignore'), 'secret\n');
    // Docker would not look at it, so no engine does.
    await writeFile(join(directory, '.containerignore'), 'train\n');
    await writeFile(join(directory, 'secret'), 'x'.repeat(200_000));
    const image = await build({ name: 'perennial-test/kind', buildArgs: { KIND: 'special one' } });
    expect(image.reference).toMatch(/^(localhost\/)?perennial-test\/kind:[0-9a-f]{16}$/);
    expect(await inspect(image.reference, '{{.Config.Labels.kind}}')).toBe('special one');
    expect(Number(await inspect(image.reference, '{{.Size}}'))).toBeLessThan(100_000);
  });

  it('that cannot be built says directory and the last words of the engine', async () => {
    await writeFile(join(directory, 'Dockerfile'), 'FROM scratch\nCOPY nothing-like-it /\n');
    const fault = await buildImage(engine, directory).catch((error: unknown) => error as Error);
    expect(fault).toBeInstanceOf(ImageError);
    expect(fault).toMatchObject({ message: expect.stringContaining(`cannot build the image of ${directory}: `) });
    expect(fault).toMatchObject({ message: expect.stringContaining('nothing-like-it') });
    await expect(buildImage(engine, directory, { buildArgs: { 'a=b': '' } })).rejects.toThrow(ImageRequestError);
    await expect(buildImage(engine, directory, { signal: AbortSignal.abort(new Error('left')) })).rejects.toThrow(
      'left',
    );
  });

  describe.skipIf(!sharesLoopback(engine))('is pushed to a registry', () => {
    it('that then has the digest of the answer, once and again', async () => {
      const { reference } = await build();
      const tag = reference.split(':').at(-1) as string;
      const repository = `team/${reference.split('/').at(-1)?.split(':')[0]}`;
      const first = await push(reference, `${registry.host}/team`);
      expect(first.reference).toBe(`${registry.host}/${repository}:${tag}`);
      expect(first.digest).toBe(registry.digest(repository, tag));
      expect(first.pinned).toBe(`${registry.host}/${repository}@${first.digest}`);
      expect(await push(reference, `${registry.host}/team`)).toEqual(first);
    });

    it.each([
      [
        { status: 401, code: 'UNAUTHORIZED' },
        /refuses it \(401 or 403\)\. Sign in with `\w+ login .*127\.0\.0\.1:\d+`/,
      ],
      [{ status: 403, code: 'DENIED' }, /refuses it \(401 or 403\)/],
      [{ status: 404, code: 'NAME_UNKNOWN' }, /does not know the repository \(404\)/],
    ])('that answers %o is told apart', async (fault, expected) => {
      const { reference } = await build();
      registry.fault = fault;
      const failure = await push(reference, registry.host).catch((error: unknown) => error as Error);
      expect(failure).toBeInstanceOf(ImageError);
      expect((failure as Error).message).toMatch(expected);
      expect((failure as Error).message).toContain(`image ${registry.host}/`);
    });

    it('that is silent, or not there, is given up with its name', async () => {
      const { reference } = await build();
      registry.fault = 'silent';
      await expect(push(reference, registry.host, { timeoutMs: 2_000 })).rejects.toThrow(
        `${registry.host} has not taken it within 2 s`,
      );
      const { host } = registry;
      await registry.stop();
      await expect(push(reference, host)).rejects.toThrow(`${host} does not answer`);
      await registry.start();
    });
  });
});
