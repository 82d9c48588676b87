import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import { exists } from '../../support/local.js';
import { probeImage, until } from '../fixtures/sagemaker.js';

const MAIN = fileURLToPath(new URL('../../../dist/local/sagemaker/main.js', import.meta.url));
const DIE_AT = fileURLToPath(new URL('die-at.mjs', import.meta.url));
const ECHO = fileURLToPath(new URL('../fixtures-serve/echo', import.meta.url));

/** When the process is to end itself: at the nth change of a file of the store whose path has `match` in it. */
export interface Death {
  readonly match: string;
  readonly nth: number;
  readonly when: 'before' | 'after';
}

/** The compiled local SageMaker as a process that can be killed at any write of its store, and started again. */
export class MortalServer {
  stateDir = '';
  url = '';
  #child: ChildProcess | undefined;
  #control: SageMakerClient | undefined;
  #runtime: SageMakerRuntimeClient | undefined;

  constructor(readonly awsEndpoint: string) {}

  async start(): Promise<void> {
    this.stateDir ||= await mkdtemp(join(tmpdir(), 'sagemaker-mortal-'));
    await rm(this.#order, { force: true });
    const child = spawn(process.execPath, ['--import', DIE_AT, MAIN], {
      env: {
        PATH: process.env['PATH'],
        AWS_ENDPOINT_URL: this.awsEndpoint,
        SAGEMAKER_LOCAL_STATE_DIR: this.stateDir,
        SAGEMAKER_LOCAL_IMAGES: JSON.stringify({ probe: probeImage, echo: ECHO }),
        DIE_AT: this.#order,
        AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.url = await urlOf(child);
    child.stdout.resume();
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const options = { endpoint: this.url, region: 'us-east-1', credentials, maxAttempts: 1 };
    this.#control = new SageMakerClient(options);
    this.#runtime = new SageMakerRuntimeClient(options);
  }

  get control(): SageMakerClient {
    return this.#up(this.#control);
  }

  get runtime(): SageMakerRuntimeClient {
    return this.#up(this.#runtime);
  }

  /** Makes the process end itself at a write, until the next start. */
  async dieAt(death: Death): Promise<void> {
    await writeFile(this.#order, JSON.stringify(death));
  }

  /** SIGKILL, now. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Waits for the death, and until none of its programs runs any more. */
  async dead(): Promise<void> {
    const child = this.#up(this.#child);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    if (child.signalCode !== 'SIGKILL') throw new Error(`it ended by itself, with code ${child.exitCode}`);
    this.#control?.destroy();
    this.#runtime?.destroy();
    await until(async () => ((await this.#programs()).length === 0 ? true : undefined), 'the end of its programs');
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    this.#control?.destroy();
    this.#runtime?.destroy();
    if (this.stateDir) await rm(this.stateDir, { recursive: true, force: true });
  }

  /** Process groups of programs that it started and that still run. */
  async #programs(): Promise<number[]> {
    const groups = (await readdir(join(this.stateDir, 'processes'))).map(Number);
    const running = await Promise.all(groups.map((pid) => exists(pid)));
    return groups.filter((_, index) => running[index]);
  }

  get #order(): string {
    return join(this.stateDir, 'die-at.json');
  }

  #up<T>(part: T | undefined): T {
    if (part === undefined) throw new Error('the local SageMaker is not running: call start first');
    return part;
  }
}

/** The address that a starting server tells in its log. */
export async function urlOf(child: ChildProcess): Promise<string> {
  const stdout = child.stdout;
  if (!stdout) throw new Error('the process has no output to read its URL from');
  let text = '';
  for await (const chunk of stdout.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    text += chunk.toString();
    const url = /"url":"([^"]+)"/.exec(text)?.[1];
    if (url) return url;
  }
  throw new Error(`the local SageMaker ended before it listened: ${text}`);
}
