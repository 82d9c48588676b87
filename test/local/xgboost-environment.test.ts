import { CreateTrainingJobCommand, StopTrainingJobCommand } from '@aws-sdk/client-sagemaker';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { createImageEnvironments } from '../../local/sagemaker/runtime/image-environment.js';
import { startFixture, trainingRequest, type Fixture } from './fixtures/sagemaker.js';

const PROGRAM = `#!/usr/bin/env python3
import os, six
base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
open(base + "/model/six", "w").write(six.__version__)
`;
const LOCK = `six==1.17.0 \\
    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274
`;

const IMAGES = ['first', 'once', 'stopped', 'offline', 'restarted'];

let dir: string;
let fixture: Fixture;
/** Images whose one package is small, and tools kept where nobody has any yet but the Python that installs them. */
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'image-environment-'));
  vi.stubEnv('PERENNIAL_TOOLS_DIR', join(dir, 'tools'));
  for (const name of IMAGES) {
    await mkdir(join(dir, name));
    await writeFile(join(dir, name, 'requirements.lock'), LOCK);
    await writeFile(join(dir, name, 'train'), PROGRAM);
    await chmod(join(dir, name, 'train'), 0o755);
  }
  await createImageEnvironments(pino({ level: 'silent' })).prepare(join(dir, 'first'));
  fixture = await startFixture(Object.fromEntries(IMAGES.map((name) => [name, join(dir, name)])));
}, 180_000);
beforeEach(() => vi.stubEnv('PERENNIAL_TOOLS_DIR', join(dir, 'tools')));
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});
afterEach(() => vi.unstubAllEnvs());

const create = (name: string, image = name) =>
  fixture.client.send(
    new CreateTrainingJobCommand(
      trainingRequest(
        fixture,
        name,
        {},
        {
          AlgorithmSpecification: { TrainingImage: image, TrainingInputMode: 'File' },
        },
      ),
    ),
  );

const messages = (job: { SecondaryStatusTransitions?: { StatusMessage?: string | undefined }[] | undefined }) =>
  (job.SecondaryStatusTransitions ?? []).map(({ StatusMessage }) => String(StatusMessage));

/** A registry that is there and never answers. */
async function silentRegistry() {
  const server = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  vi.stubEnv('PIP_INDEX_URL', `http://127.0.0.1:${port}/simple`);
  vi.stubEnv('PIP_FIND_LINKS', '');
  return {
    asked: once(server, 'request'),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

it('is made once, however many ask for it at once, and each of them hears of it', async () => {
  const logged: string[] = [];
  const log = pino({ base: null }, { write: (line) => void logged.push((JSON.parse(line) as { msg: string }).msg) });
  const environments = createImageEnvironments(log);
  const heard: string[][] = [[], []];
  const made = await Promise.all(
    heard.map((lines) => environments.prepare(join(dir, 'once'), (line) => lines.push(line))),
  );
  expect(made[0]).toEqual(made[1]);
  expect(heard[0]).toEqual(heard[1]);
  expect(logged).toEqual(heard[0]);
  expect(logged.filter((line) => line === 'Preparing the once image (once) …')).toHaveLength(1);
  expect(logged).toContain('Preparing the once image (once): six==1.17.0');
  expect((await readdir(join(dir, 'tools'))).filter((name) => name.startsWith('once-'))).toHaveLength(1);

  const again = await environments.prepare(join(dir, 'once'), () => expect.fail('it was made before'));
  expect(again).toEqual(made[0]);
  expect(await environments.prepare(dir)).toEqual({ env: {} });
});

it('shows in the status message of the job that waits for it, and a stop ends the wait', async () => {
  await using registry = await silentRegistry();
  await create('stopped');
  await registry.asked;
  const waiting = await fixture.job('stopped', (job) => messages(job).some((line) => line.startsWith('Preparing the')));
  expect(waiting).toMatchObject({ TrainingJobStatus: 'InProgress', SecondaryStatus: 'Starting' });
  expect(messages(waiting).at(-1)).toMatch(/^Preparing the stopped image \(once\)/);
  await fixture.client.send(new StopTrainingJobCommand({ TrainingJobName: 'stopped' }));
  expect(await fixture.job('stopped')).toMatchObject({ TrainingJobStatus: 'Stopped' });
});

it('fails the job with a sentence where there is no network, and the next job tries again', async () => {
  vi.stubEnv('PIP_RETRIES', '1');
  vi.stubEnv('PIP_FIND_LINKS', '');
  // Nothing listens on port 1.
  vi.stubEnv('PIP_INDEX_URL', 'http://127.0.0.1:1/simple');
  await create('offline');
  const { FailureReason } = await fixture.job('offline');
  expect(FailureReason).toMatch(
    /^ClientError: Cannot start algorithm container\. Preparing the offline image failed \(.*python ended with code 1\): no connection to the package index\. .*six==1\.17\.0/,
  );
  vi.unstubAllEnvs();
  vi.stubEnv('PERENNIAL_TOOLS_DIR', join(dir, 'tools'));
  await create('online', 'offline');
  expect(await fixture.job('online')).toMatchObject({ TrainingJobStatus: 'Completed' });
});

it('is left when the server stops, and made when the job is taken up again', async () => {
  {
    await using registry = await silentRegistry();
    await create('restarted');
    await registry.asked;
    await fixture.restart(() => {
      vi.unstubAllEnvs();
      vi.stubEnv('PERENNIAL_TOOLS_DIR', join(dir, 'tools'));
    });
  }
  expect(await fixture.job('restarted')).toMatchObject({ TrainingJobStatus: 'Completed' });
});
