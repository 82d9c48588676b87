import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import getPort from 'get-port';
import { installed } from '../../local/tools/install.js';
import { finish } from './linear-learner-program.js';

/** Folder of the example image's programs. */
export const image = fileURLToPath(new URL('../../examples/images/xgboost/', import.meta.url));

/** What the local SageMaker gives the image's programs: made on first use, the same folder for both. */
async function environment(): Promise<Record<string, string>> {
  const requirements = join(image, 'requirements.lock');
  const set = await installed({ name: 'xgboost', requirements, doing: 'Preparing the xgboost image' });
  return { ...set.env, PATH: [dirname(set.python), process.env['PATH']].join(delimiter), OMP_WAIT_POLICY: 'PASSIVE' };
}

/** Runs a Python program against the XGBoost package itself; returns what it prints. */
export async function python(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('python3', args, {
    env: await environment(),
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

/** Rows of four features in [0, 1): a label first, which they explain but for a wobble. Deterministic. */
export function rows(from: number, count: number, label: (x: number[]) => number = plane): string {
  return Array.from({ length: count }, (_, i) => {
    const x = [1, 2, 3, 4].map((k) => (Math.sin((from + i) * 12.9898 * k) * 43_758.5453) % 1).map(Math.abs);
    return `${[label(x), ...x].join(',')}\n`;
  }).join('');
}

const plane = ([a = 0, b = 0, c = 0]: number[]): number => 3 * a + b ** 2 + 0.2 * Math.sin(40 * c);

/** A temporary folder laid out as /opt/ml, its channels CSV. `files` are paths below input/data, e.g. `train/a.csv`. */
export async function makeBase(hyperparameters: Record<string, string>, files: Record<string, string> = {}) {
  const base = await mkdtemp(join(tmpdir(), 'xgboost-'));
  const channels = ['train', 'validation'].map((name) => [name, { ContentType: 'text/csv' }] as const);
  const all: Record<string, string> = {
    'config/hyperparameters.json': JSON.stringify(hyperparameters),
    'config/inputdataconfig.json': JSON.stringify(Object.fromEntries(channels)),
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`data/${name}`, text])),
  };
  for (const [name, content] of Object.entries(all)) {
    await mkdir(dirname(join(base, 'input', name)), { recursive: true });
    await writeFile(join(base, 'input', name), content);
  }
  return {
    base,
    config: (name: string, content: object) =>
      writeFile(join(base, 'input/config', `${name}.json`), JSON.stringify(content)),
    artifact: () => readFile(join(base, 'model/xgboost-model')),
    failure: () => readFile(join(base, 'output/failure'), 'utf8'),
    [Symbol.asyncDispose]: () => rm(base, { recursive: true, force: true }),
  };
}

/** Starts a program of the image on a folder. */
export async function start(command: 'train' | 'serve', base: string, more: Record<string, string> = {}) {
  return spawn(join(image, command), { env: { ...(await environment()), SAGEMAKER_BASE_DIR: base, ...more } });
}

/** Runs `train` to its end. */
export async function train(base: string, more: Record<string, string> = {}) {
  return finish(await start('train', base, more));
}

/** Starts `serve` on a free port and waits until /ping answers 200. Disposing kills what still runs. */
export async function serve(base: string, more: Record<string, string> = {}) {
  const port = await getPort({ host: '127.0.0.1' });
  const child = await start('serve', base, { SAGEMAKER_BIND_TO_PORT: `${port}`, ...more });
  const ended = finish(child);
  const url = `http://127.0.0.1:${port}`;
  const until = Date.now() + 30_000;
  const healthy = () =>
    fetch(`${url}/ping`).then(
      (answer) => answer.ok,
      () => false,
    );
  while (!(await healthy())) {
    if (child.exitCode !== null || Date.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`serve did not come up: ${(await ended).log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
    port,
    child,
    ended,
    invoke: (body: string | Buffer, headers: Record<string, string> = { 'content-type': 'text/csv' }) =>
      fetch(`${url}/invocations`, { method: 'POST', body, headers }),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
