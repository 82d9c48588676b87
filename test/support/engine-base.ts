import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { create } from 'tar';
import type { Engine } from '../../engine/engine.js';
import { findEngine } from '../../engine/find.js';

const run = promisify(execFile);
/** What the images of tests need: the Node that runs here, and what a shell script calls. */
const PROGRAMS = ['/bin/sh', '/usr/bin/env', '/usr/bin/chown', '/usr/bin/dirname', '/usr/bin/id', '/usr/bin/sleep'];

export interface TestEngine {
  readonly engine: Engine;
  /** An image with node, sh, env, chown, dirname, id and sleep of this machine: nothing has to be pulled for it. */
  readonly base: string;
}

/** The container engine of this machine with a base image; or why there is none, which is what a skipped test says. */
export async function testEngine(): Promise<TestEngine | string> {
  if (process.platform !== 'linux') return 'the base image is made of the programs of a Linux machine';
  try {
    const engine = await findEngine('auto');
    return { engine, base: await baseImage(engine) };
  } catch (error) {
    return (error as Error).message;
  }
}

/** Kept in the engine for the next run of the tests: it is a hundred megabytes to import. */
async function baseImage(engine: Engine): Promise<string> {
  const key = createHash('sha256')
    .update([process.version, ...PROGRAMS].join(' '))
    .digest('hex')
    .slice(0, 12);
  const reference = `localhost/perennial-test-base:${key}`;
  if (await engine.has('image', reference)) return reference;
  const folder = await mkdtemp(join(tmpdir(), 'perennial-base-'));
  try {
    const root = join(folder, 'root');
    for (const [from, to] of [[process.execPath, '/usr/bin/node'], ...PROGRAMS.map((path) => [path, path])] as const)
      for (const [source, target] of [[from, to], ...(await librariesOf(from))] as const) {
        await mkdir(dirname(join(root, target)), { recursive: true });
        await copyFile(source, join(root, target));
      }
    for (const name of ['tmp', 'opt', 'etc', 'root']) await mkdir(join(root, name), { recursive: true });
    const archive = join(folder, 'base.tar');
    await create({ cwd: root, file: archive, portable: true }, ['.']);
    await engine.run(['import', '--change', 'ENV PATH=/usr/bin:/bin', archive, reference]);
    return reference;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The libraries that a program, or a module of Node's, loads, each at its own path. */
export async function librariesOf(program: string): Promise<[string, string][]> {
  const { stdout } = await run('ldd', [program]);
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => [path as string, path as string]);
}
