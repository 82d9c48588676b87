import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { expect, inject, it } from 'vitest';
import { compiled } from '../../local/paths.js';
import { freePort } from '../../local/ports.js';
import { answers } from '../../local/services/service.js';
import { temporaryFolder, until } from '../support/local.js';

/** A device that refuses each write as a full disk does. */
const FULL = '/dev/full';

it.runIf(existsSync(FULL))(
  'the local SageMaker serves, and stops when asked, while its log takes nothing',
  async () => {
    const full = await open(FULL, 'w');
    const port = await freePort();
    const child = spawn(process.execPath, [compiled('local/sagemaker/main')], {
      env: {
        ...process.env,
        AWS_ENDPOINT_URL: inject('aws').endpoint,
        SAGEMAKER_LOCAL_PORT: String(port),
        SAGEMAKER_LOCAL_STATE_DIR: await temporaryFolder(),
      },
      stdio: ['ignore', full.fd, full.fd],
    });
    await full.close();
    const ended = once(child, 'exit');
    try {
      const url = `http://127.0.0.1:${port}/_local/health`;
      await until('it answers or has ended', async () => child.exitCode !== null || (await answers(url)), 30_000);
      child.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  },
);

it.runIf(existsSync(FULL))('the worker goes on while its log takes nothing', async () => {
  const full = await open(FULL, 'w');
  const program = [
    `const { createLogger } = await import(${JSON.stringify(compiled('worker/logging'))});`,
    `const log = createLogger('info');`,
    `for (let line = 0; line < 3; line++) await new Promise((done) => setImmediate(done, log.info('lost')));`,
    `console.log('goes on');`,
  ].join('\n');
  const args = ['--input-type=module', '--eval', program];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', full.fd] });
  await full.close();
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(said).toBe('goes on\n');
});
