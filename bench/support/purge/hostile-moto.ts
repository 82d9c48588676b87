import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import getPort from 'get-port';
import { packagePath } from '../../../local/paths.js';
import { installed } from '../../../local/tools/install.js';
import type { BenchContext } from '../../scenario.js';

const PATIENCE_MS = 60_000;

/** Uses moto's S3, a second implementation that shares nothing with MiniStack, on a free port of loopback, and stops it whatever happens. */
export async function withMoto<T>({ say, signal }: BenchContext, use: (endpoint: string) => Promise<T>): Promise<T> {
  const requirements = packagePath('bench', 'moto', 'requirements.txt');
  const { python, env } = await installed({ name: 'moto', requirements, doing: 'Installing moto' }, say, signal);
  const port = await getPort({ host: '127.0.0.1' });
  const program = 'from moto.server import main; import sys; main(sys.argv[1:])';
  const child = spawn(python, ['-c', program, '-H', '127.0.0.1', '-p', String(port)], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: 'ignore',
  });
  const exit = once(child, 'exit');
  try {
    const endpoint = `http://127.0.0.1:${port}`;
    await ready(`${endpoint}/moto-api/`, () => child.exitCode !== null, signal);
    return await use(endpoint);
  } finally {
    child.kill();
    await exit;
  }
}

async function ready(url: string, ended: () => boolean, signal: AbortSignal): Promise<void> {
  for (const since = Date.now(); ; await sleep(100, undefined, { signal })) {
    if (ended()) throw new Error('moto ended before it answered');
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    if (Date.now() - since > PATIENCE_MS) throw new Error(`moto did not answer within ${PATIENCE_MS / 1_000} s`);
  }
}
