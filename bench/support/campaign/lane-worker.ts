import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import pLimit from 'p-limit';
import type { LocalStack } from '../../../local/index.js';
import { failureOf } from './ending.js';
import { startWorkerProcess, type WorkerProcess } from '../worker-process.js';

/** Workers that come up at the same time: more of them only wait for each other. */
const starting = pLimit(3);

/** How an execution ended, as Temporal tells it: one of both. */
export interface ExecutionEnd<T> {
  readonly result?: T;
  readonly failure?: { readonly type: string; readonly message: string };
}

/** The worker of a lane, which may be killed and replaced at any moment. */
export class LaneWorker {
  #running: WorkerProcess | undefined;
  #replacing: Promise<void> | undefined;
  #lost = new AbortController();

  constructor(
    private readonly stack: Pick<LocalStack, 'env' | 'logsDir'>,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  /** Aborted once it has ended though nobody killed it, or can't be replaced: what is to come of it won't. To be asked for after a start. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Starts one unless one runs, and waits until it polls. */
  async ensure(): Promise<void> {
    this.#running ??= await starting(() => this.#start(true));
  }

  /** Starts one and does not wait until it polls. */
  async hurry(): Promise<void> {
    this.#running = await this.#start(false);
  }

  /** SIGKILL; resolves once it is gone. Nothing happens without one. */
  async kill(): Promise<void> {
    const worker = this.#running;
    this.#running = undefined;
    await worker?.kill();
  }

  /** SIGKILL now, and another one as soon as it is gone. */
  replace(): void {
    this.#replacing = this.kill()
      .then(() => this.hurry())
      .catch((error: unknown) => this.#lost.abort(error));
  }

  /** Resolves once what was to be replaced is. */
  async replaced(): Promise<void> {
    await this.#replacing;
  }

  /** How an execution ends that is this worker's. Where it doesn't end in time, or can't, it is terminated, and this rejects. */
  async endOf<T>(
    handle: WorkflowHandle,
    { signal, withinMs }: { readonly signal: AbortSignal; readonly withinMs: number },
  ): Promise<ExecutionEnd<T>> {
    const { lost } = this;
    const ended = handle.result().then(
      (result) => ({ result: result as T }),
      (error: unknown) => ({ failure: failureOf(error) }),
    );
    const limit = AbortSignal.any([signal, lost]);
    const late = sleep(withinMs, undefined, { signal: limit, ref: false }).catch(() => undefined);
    const ending = await Promise.race([ended, late]);
    await this.#replacing;
    if (ending) return ending;
    await handle.terminate('the bench gave it up');
    for (const one of [signal, lost]) one.throwIfAborted();
    throw new Error(`${handle.workflowId} did not end within ${withinMs / 1_000} s`);
  }

  async close(): Promise<void> {
    await this.#replacing;
    await this.kill();
  }

  async #start(wait: boolean): Promise<WorkerProcess> {
    if (this.#lost.signal.aborted) this.#lost = new AbortController();
    const worker = await startWorkerProcess(this.stack, this.env, { wait });
    worker.lost.addEventListener('abort', () => {
      if (this.#running === worker) this.#running = undefined;
      this.#lost.abort(worker.lost.reason);
    });
    return worker;
  }
}
