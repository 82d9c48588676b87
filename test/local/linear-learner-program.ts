import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import getPort from 'get-port';

/** Folder of the example image's programs. */
export const image = fileURLToPath(new URL('../../examples/images/linear-learner/', import.meta.url));

/** The artefact that `train` writes. */
export interface Artifact {
  readonly id: string;
  readonly coefficients: number[];
  readonly intercept: number;
  readonly means: number[];
  readonly scales: number[];
  readonly featureDim: number;
}

/** A temporary folder laid out as /opt/ml. `files` are paths below it, e.g. `input/data/train/a.csv`. */
export async function makeBase(hyperparameters: Record<string, string>, files: Record<string, string> = {}) {
  const base = await mkdtemp(join(tmpdir(), 'linear-learner-'));
  const all = { 'input/config/hyperparameters.json': JSON.stringify(hyperparameters), ...files };
  for (const [name, content] of Object.entries(all)) {
    await mkdir(dirname(join(base, name)), { recursive: true });
    await writeFile(join(base, name), content);
  }
  return {
    base,
    artifact: async () => JSON.parse(await readFile(join(base, 'model/model.json'), 'utf8')) as Artifact,
    failure: () => readFile(join(base, 'output/failure'), 'utf8'),
    [Symbol.asyncDispose]: () => rm(base, { recursive: true, force: true }),
  };
}

/** Environment of a program whose base folder is `base`: nothing of this process but PATH. */
export const environment = (base: string, more: Record<string, string> = {}) => ({
  PATH: process.env['PATH'],
  SAGEMAKER_BASE_DIR: base,
  ...more,
});

/** Runs `train` to its end. */
export async function train(base: string, more: Record<string, string> = {}) {
  return finish(spawn(join(image, 'train'), { env: environment(base, more) }));
}

/** Collects a process's output until it ends. */
export async function finish(child: ChildProcess) {
  let log = '';
  child.stdout?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, log };
}

/** Starts `serve` on a free port and waits until /ping answers 200. Disposing kills what still runs. */
export async function serve(base: string, more: Record<string, string> = {}) {
  const port = await getPort({ host: '127.0.0.1' });
  const child = spawn(join(image, 'serve'), { env: environment(base, { SAGEMAKER_BIND_TO_PORT: `${port}`, ...more }) });
  const ended = finish(child);
  const url = `http://127.0.0.1:${port}`;
  const until = Date.now() + 10_000;
  while (
    !(await fetch(`${url}/ping`)
      .then((answer) => answer.ok)
      .catch(() => false))
  ) {
    if (child.exitCode !== null || Date.now() > until) throw new Error(`serve did not come up: ${(await ended).log}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const invoke = (body: string, headers: Record<string, string> = { 'content-type': 'text/csv' }) =>
    fetch(`${url}/invocations`, { method: 'POST', body, headers });
  return {
    url,
    port,
    child,
    ended,
    invoke,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
