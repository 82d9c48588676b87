import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../engine/engine.js';
import { enginesHere, sharesLoopback } from '../support/engine.js';
import { TestRegistry } from '../support/registry.js';
import { call, temporaryFolder } from './terminal.js';

const { engines, reason } = await enginesHere();
if (engines.length === 0) it.skip(`image build and push: not tested, ${reason}`, () => undefined);

describe('image', () => {
  it('without an engine says what each of them said', async () => {
    const cwd = await temporaryFolder({ Dockerfile: 'FROM scratch\n' });
    const { code, err } = await call({ PATH: cwd }, ['image', 'build', cwd]);
    expect(code).toBe(1);
    expect(err).toContain('No container engine can be used.');
    expect(err).toContain('podman is not installed');
  });

  it.each([
    [['build', '.', '--build-arg', 'BASE'], 'Give NAME=value.'],
    [['build', '.', '--engine', 'dokcer'], 'Allowed choices are auto, docker, podman'],
    [['push', '.'], "required option '--registry"],
    [['push', '.', '--registry', 'localhost:5000', '--timeout', '1 hour'], 'Give a duration such as 90s or 30m.'],
  ])('%j is wrong usage', async (argv, words) => {
    const { code, err } = await call(process.env, ['image', ...argv]);
    expect(code).toBe(2);
    expect(err).toContain(words);
  });
});

describe.each(engines.map((engine) => [engine.name, engine] as const))('image by %s', (name, engine: Engine) => {
  const made: string[] = [];
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await new TestRegistry().start();
  });
  afterAll(async () => {
    await registry.stop();
    for (const reference of made) await engine.run(['image', 'rm', '--force', reference]).catch(() => undefined);
  });

  const image = (argv: readonly string[], options?: Parameters<typeof call>[2]) =>
    call(process.env, ['image', ...argv, '--engine', name], options);
  const folder = () => temporaryFolder({ Dockerfile: `FROM scratch\nARG KIND\nLABEL at=${randomUUID()}\nCOPY . /\n` });

  it('build says the image, its progress beside it, and the second time that it was there', async () => {
    const argv = ['build', '.', '--name', 'perennial-test/cli', '--build-arg', 'KIND=a=b', '--json'];
    const options = { terminal: { cwd: await folder() } };
    const first = await image(argv, options);
    const value = first.json<{ reference: string }>();
    made.push(value.reference);
    expect(value).toMatchObject({
      reference: expect.stringMatching(/^(localhost\/)?perennial-test\/cli:[0-9a-f]{16}$/),
      id: expect.stringMatching(/^sha256:/),
      built: true,
      engine: name,
    });
    expect(first.err).toContain('COPY');
    const second = await image(argv.slice(0, -1), options);
    expect(second.code).toBe(0);
    expect(second.out).toContain(value.reference);
    expect(second.err).toContain(`has ${value.reference} already`);
    const label = '{{index .Config.Labels "at"}}';
    expect(await engine.run(['image', 'inspect', '--format', label, value.reference])).not.toBe('');
  });

  it('build and push refuse what cannot be, before any work', async () => {
    const empty = await temporaryFolder({ 'train.py': '' });
    const cwd = await folder();
    for (const [argv, words] of [
      [['build', empty], `${empty} has no file Dockerfile`],
      [['build', cwd, '--name', 'Team'], '"Team" is no name of an image'],
      [['push', cwd, '--registry', 'acme'], '"acme" is no registry'],
    ] as const) {
      const { code, err } = await image(argv);
      expect([code, err]).toEqual([2, expect.stringContaining(words)]);
      expect(err).not.toContain('COPY');
    }
  });

  it('build ends the engine at Ctrl-C', async () => {
    const { code, err } = await image(['build', await folder()], { interruptWhen: (said) => said.includes('FROM') });
    expect([code, err]).toEqual([130, expect.stringContaining('interrupted')]);
  });

  it.skipIf(!sharesLoopback(engine))('push builds, pushes and says what a definition names it by', async () => {
    const cwd = await folder();
    const argv = ['push', cwd, '--name', 'churn', '--registry', `${registry.host}/acme`];
    const { image: pinned, reference, digest } = (await image([...argv, '--json'])).json<Record<string, string>>();
    const tag = (reference ?? '').split(':').at(-1) as string;
    made.push(reference as string, `${name === 'podman' ? 'localhost/' : ''}churn:${tag}`);
    expect(digest).toBe(registry.digest('acme/churn', tag));
    expect(pinned).toBe(`${registry.host}/acme/churn@${digest}`);
    const again = await image(argv);
    expect(again.out).toContain(`training: { image: '${pinned}' }`);
    registry.fault = { status: 401, code: 'UNAUTHORIZED' };
    const refused = await image([...argv, '--timeout', '20s']);
    registry.fault = undefined;
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(new RegExp(`image ${reference} cannot be pushed: .*Sign in with \`${name} login`));
  });
});
