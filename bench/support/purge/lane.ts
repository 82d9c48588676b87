import { setTimeout as sleep } from 'node:timers/promises';
import { purgeId, type PurgeInput } from '../../../contracts/purge/index.js';
import type { PurgeResult } from '../../../contracts/purge/process.js';
import { WORKFLOWS } from '../../../contracts/runs.js';
import { defaultStorage } from '../../../contracts/storage/index.js';
import { failureOf } from '../campaign/ending.js';
import type { CampaignSetting } from '../campaign/setting.js';
import { startFaultProxy, type FaultProxy, type Trap } from '../faults/index.js';
import { startWorkerProcess, type WorkerProcess } from '../worker-process.js';
import { startS3Proxy, type S3Proxy } from './s3-proxy.js';
import type { World } from './world.js';

/** Longer than any fault may hold up a purge: a killed worker is missed after a minute, and there are pauses between rounds. */
const END_WITHIN_MS = 600_000;

/** How a purge ended, as Temporal tells it. */
export interface PurgeEnding {
  readonly result?: PurgeResult;
  readonly failure?: { readonly type: string; readonly message: string };
}

/** A worker of its own behind proxies of its own on a task queue of its own. */
export class PurgeLane {
  #worker: WorkerProcess | undefined;
  #replacing: Promise<void> | undefined;

  private constructor(
    private readonly setting: CampaignSetting,
    private readonly taskQueue: string,
    readonly s3: S3Proxy,
    readonly proxy: FaultProxy,
  ) {}

  static async open(setting: CampaignSetting, name: string): Promise<PurgeLane> {
    const { urls } = setting.stack;
    const s3 = await startS3Proxy(urls.aws ?? '');
    const proxy = await startFaultProxy({ urls: { ...urls, aws: s3.url } });
    return new PurgeLane(setting, `purge-${name}`, s3, proxy);
  }

  async close(): Promise<void> {
    await this.#replacing;
    await this.#worker?.kill();
    await this.proxy.close();
    await this.s3.close();
  }

  /** SIGKILL now, and another worker as soon as it is gone. */
  replaceWorker(): void {
    const worker = this.#worker;
    this.#replacing = (async () => {
      await worker?.kill();
      this.#worker = await this.#start(false);
    })();
    // Whoever waits for the purge is told.
    this.#replacing.catch(() => undefined);
  }

  /** Purges what the world's list names, with the trap set. Rejects where it doesn't end in time. */
  async purge(world: World, trap?: Trap): Promise<PurgeEnding> {
    const { client, signal } = this.setting;
    this.#worker ??= await this.#start(true);
    this.proxy.book.begin(world.bucket);
    if (trap) this.proxy.book.set(trap);
    const input: PurgeInput = {
      request: world.bucket,
      reason: 'a bench of faults',
      by: 'bench',
      targetsUri: world.targetsUri,
      storage: defaultStorage(world.bucket),
    };
    const handle = await client.workflow.start(WORKFLOWS.purge, {
      workflowId: purgeId(world.bucket),
      taskQueue: this.taskQueue,
      args: [input],
    });
    const limit = AbortSignal.any([signal, AbortSignal.timeout(END_WITHIN_MS)]);
    const late = sleep(END_WITHIN_MS, undefined, { signal: limit, ref: false }).catch(() => undefined);
    const ended = handle.result().then(
      (result) => ({ result: result as PurgeResult }),
      (error: unknown) => ({ failure: failureOf(error) }),
    );
    const ending = await Promise.race([ended, late]);
    await this.#replacing;
    if (ending) return ending;
    await handle.terminate('the bench gave it up');
    signal.throwIfAborted();
    throw new Error(`the purge did not end within ${END_WITHIN_MS / 1_000} s`);
  }

  #start(wait: boolean): Promise<WorkerProcess> {
    const own = { ...this.proxy.env, PERENNIAL_TASK_QUEUE: this.taskQueue, LOG_LEVEL: 'error' };
    return startWorkerProcess(this.setting.stack, own, { wait });
  }
}
