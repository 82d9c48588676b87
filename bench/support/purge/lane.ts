import { purgeId, type PurgeInput } from '../../../contracts/purge/index.js';
import type { PurgeResult } from '../../../contracts/purge/process.js';
import { WORKFLOWS } from '../../../contracts/runs.js';
import { defaultStorage } from '../../../contracts/storage/index.js';
import { LaneWorker, type ExecutionEnd } from '../campaign/lane-worker.js';
import type { CampaignSetting } from '../campaign/setting.js';
import { startFaultProxy, type FaultProxy, type Trap } from '../faults/index.js';
import { startS3Proxy, type S3Proxy } from './s3-proxy.js';
import type { World } from './world.js';

/** Longer than any fault may hold up a purge: a killed worker is missed after a minute, and there are pauses between rounds. */
const END_WITHIN_MS = 600_000;

export type PurgeEnding = ExecutionEnd<PurgeResult>;

/** A worker of its own behind proxies of its own on a task queue of its own. */
export class PurgeLane {
  private constructor(
    private readonly setting: CampaignSetting,
    private readonly taskQueue: string,
    readonly s3: S3Proxy,
    readonly proxy: FaultProxy,
    readonly worker: LaneWorker,
  ) {}

  static async open(setting: CampaignSetting, name: string): Promise<PurgeLane> {
    const { urls } = setting.stack;
    const s3 = await startS3Proxy(urls.aws ?? '');
    const proxy = await startFaultProxy({ urls: { ...urls, aws: s3.url } });
    const taskQueue = `purge-${name}`;
    const own = { ...proxy.env, PERENNIAL_TASK_QUEUE: taskQueue, LOG_LEVEL: 'error' };
    return new PurgeLane(setting, taskQueue, s3, proxy, new LaneWorker(setting.stack, own));
  }

  async close(): Promise<void> {
    await this.worker.close();
    await this.proxy.close();
    await this.s3.close();
  }

  /** Purges what the world's list names, with the trap set. Rejects where it doesn't end in time. */
  async purge(world: World, trap?: Trap): Promise<PurgeEnding> {
    const { client, signal } = this.setting;
    await this.worker.ensure();
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
    return this.worker.endOf<PurgeResult>(handle, { signal, withinMs: END_WITHIN_MS });
  }
}
