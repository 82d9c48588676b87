import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { create } from 'tar';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Context } from '../../local/sagemaker/context.js';
import { fetchModel } from '../../local/sagemaker/runtime/model-dir.js';
import { createSandbox, type HostSandbox } from '../../local/sagemaker/runtime/sandbox.js';
import { startServing } from '../../local/sagemaker/runtime/serve.js';
import { probeImage, startFixture, until, type Fixture } from './fixtures/sagemaker.js';

const log = pino({ level: 'silent' });
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'runtime-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Starts one probe program in a sandbox of its own. */
async function open(mode?: 'plain') {
  const sandbox = await createSandbox({ stateDir: dir, log, env: process.env, mode });
  const modelDir = join(dir, 'the-model');
  await mkdir(modelDir);
  await writeFile(join(modelDir, 'model.txt'), 'shared model');
  const config = {
    host: '127.0.0.1',
    stateDir: dir,
    port: 0,
    region: 'us-east-1',
    accountId: '0',
    images: {},
  } as const;
  const ctx = { sandbox, config } satisfies Partial<Context>;
  const serve = (MODE: string, startupTimeoutMs = 10_000) =>
    startServing(ctx, { image: probeImage, modelDir, env: { MODE }, logFile: join(dir, 'log'), startupTimeoutMs });
  return { sandbox, serve };
}

const ask = async (url: string) => (await fetch(`${url}/invocations`, { method: 'POST', body: 'abc' })).text();
const groups = async () => (await readdir(join(dir, 'processes'))).map(Number);

describe.each([undefined, 'plain'] as const)('a sandbox (%s)', (mode) => {
  let sandbox: HostSandbox;
  let serve: Awaited<ReturnType<typeof open>>['serve'];
  beforeEach(async () => {
    ({ sandbox, serve } = await open(mode));
  });
  afterEach(() => sandbox.close());

  it('serves the model of several programs at once, and leaves nothing', async () => {
    const running = await Promise.all([serve('model'), serve('model')]);
    expect(new Set(running.map(({ url }) => url)).size).toBe(2);
    for (const { url } of running) expect(await ask(url)).toBe('shared model');
    expect(await groups()).toHaveLength(2);
    for (const { container } of running) expect(await container.stop(5_000)).toEqual({ code: 0, signal: null });
    await expect(ask(String(running[0]?.url))).rejects.toThrow();
    expect(await groups()).toEqual([]);
    expect(await readdir(join(dir, 'serving'))).toEqual([]);
    expect(existsSync('/opt/ml')).toBe(false);
  });

  it('says why a program does not come up', async () => {
    await expect(serve('exit')).rejects.toMatchObject({ kind: 'exited', message: /ended \(code 3\)/ });
    await expect(serve('unhealthy', 300)).rejects.toMatchObject({ kind: 'unhealthy', message: /within 300 ms/ });
    expect(await groups()).toEqual([]);
  });

  it('kills a program that outlives its grace', async () => {
    const optMl = join(dir, 'opt-ml');
    await mkdir(join(optMl, 'input/config'), { recursive: true });
    const config = JSON.stringify({ ignoreSigterm: '1', sleepMs: '60000' });
    await writeFile(join(optMl, 'input/config/hyperparameters.json'), config);
    const spec = { image: probeImage, command: 'train' as const, optMl, env: {}, logFile: join(dir, 'log') };
    const container = await sandbox.start(spec);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const exit = await container.stop(200);
    expect(exit.code === 137 || exit.signal === 'SIGKILL').toBe(true);
    expect(await readFile(spec.logFile, 'utf8')).toContain('SIGTERM ignored');
  });

  it('names a program that is not there', async () => {
    const spec = { image: dir, command: 'train' as const, optMl: dir, env: {}, logFile: join(dir, 'log') };
    await expect(sandbox.start(spec)).rejects.toThrow(`${join(dir, 'train')} is not there or not executable`);
  });
});

describe('a program that listens on 8080 whatever it is told', () => {
  it('runs several times at once, each in a network of its own', async ({ skip }) => {
    const { sandbox, serve } = await open();
    try {
      skip(sandbox.mode === 'plain', 'this machine allows no namespaces');
      const running = await Promise.all([serve('fixed-port'), serve('fixed-port')]);
      for (const { url } of running) expect(await ask(url)).toBe('3\n');
    } finally {
      await sandbox.close();
    }
    expect(await groups()).toEqual([]);
  });

  it('is a clear error where no network can be made', async () => {
    const { sandbox, serve } = await open('plain');
    try {
      await expect(serve('fixed-port')).rejects.toThrow(/listens on 8080 only.*SAGEMAKER_BIND_TO_PORT/);
    } finally {
      await sandbox.close();
    }
  });
});

describe('the process', () => {
  const main = fileURLToPath(new URL('../../dist/local/sagemaker/main.js', import.meta.url));
  const start = (env: Record<string, string>) =>
    spawn(process.execPath, [main], {
      env: {
        PATH: process.env['PATH'],
        AWS_ENDPOINT_URL: inject('aws').endpoint,
        SAGEMAKER_LOCAL_STATE_DIR: dir,
        SAGEMAKER_LOCAL_IMAGES: JSON.stringify({ probe: probeImage }),
        ...env,
      },
    });

  /** Waits for the URL in the log. */
  async function ready(child: ReturnType<typeof start>): Promise<string> {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      const url = /"url":"([^"]+)"/.exec(chunk.toString())?.[1];
      if (url) return url;
    }
    throw new Error('the process ended before it listened');
  }

  async function startJob(url: string): Promise<number> {
    const body = {
      TrainingJobName: 'endless',
      HyperParameters: { sleepMs: '60000', ignoreSigterm: '1' },
      AlgorithmSpecification: { TrainingImage: 'probe', TrainingInputMode: 'File' },
      RoleArn: 'arn:aws:iam::000000000000:role/r-for-test',
      OutputDataConfig: { S3OutputPath: 's3://bucket/x' },
      ResourceConfig: { InstanceType: 'ml.m5.large', InstanceCount: 1, VolumeSizeInGB: 1 },
    };
    await fetch(url, {
      method: 'POST',
      headers: { 'x-amz-target': 'SageMaker.CreateTrainingJob' },
      body: JSON.stringify(body),
    });
    return until(async () => (await groups())[0], 'a program');
  }

  const alive = (pid: number) => existsSync(`/proc/${pid}`);

  it('ends its programs on SIGTERM and exits with 0', async () => {
    const child = start({});
    const pid = await startJob(await ready(child));
    child.stdout.resume();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(alive(pid)).toBe(false);
  });

  it.runIf(process.platform === 'linux')('leaves no orphan when it is killed', async () => {
    const child = start({});
    const pid = await startJob(await ready(child));
    child.kill('SIGKILL');
    await once(child, 'exit');
    await until(async () => (alive(pid) ? undefined : true), 'the end of the program');
  });

  it('says what is wrong with its environment, and that a port is taken', async () => {
    const output = async (env: Record<string, string>) => {
      const child = start(env);
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
      expect(await once(child, 'close')).toEqual([1, null]);
      return text;
    };
    expect(await output({ SAGEMAKER_LOCAL_IMAGES: '{' })).toContain('SAGEMAKER_LOCAL_IMAGES');
    expect(await output({ AWS_ENDPOINT_URL: '' })).toContain('AWS_ENDPOINT_URL is not set');
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    expect(await output({ SAGEMAKER_LOCAL_PORT: String(port) })).toContain(`port ${port} is taken`);
    taken.close();
  });
});

describe('fetchModel', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture();
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  it('unpacks an archive and refuses entries that point outside', async () => {
    const source = join(dir, 'source');
    await mkdir(source);
    await writeFile(join(source, 'model.json'), '{}');
    const pack = async (...entries: string[]) => {
      await create({ gzip: true, cwd: source, file: join(dir, 'm.tar.gz') }, entries);
      await fixture.put('m.tar.gz', await readFile(join(dir, 'm.tar.gz')));
      return `s3://${fixture.bucket}/m.tar.gz`;
    };
    await fetchModel(fixture.server.ctx, await pack('model.json'), join(dir, 'good'));
    expect(await readFile(join(dir, 'good/model.json'), 'utf8')).toBe('{}');

    await symlink('../../outside', join(source, 'link'));
    await expect(fetchModel(fixture.server.ctx, await pack('link'), join(dir, 'bad'))).rejects.toThrow(
      /unsafe entries: link/,
    );
  });

  it('names the URL of an archive that is missing or none', async () => {
    const missing = `s3://${fixture.bucket}/gone.tar.gz`;
    await expect(fetchModel(fixture.server.ctx, missing, join(dir, 'x'))).rejects.toThrow(missing);
    await fixture.put('text.tar.gz', 'this is no archive');
    const text = `s3://${fixture.bucket}/text.tar.gz`;
    await expect(fetchModel(fixture.server.ctx, text, join(dir, 'y'))).rejects.toThrow(/Failed to download model data/);
  });
});
