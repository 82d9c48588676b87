import { setTimeout as sleep } from 'node:timers/promises';
import { definitionSchema, type Definition } from '../../../contracts/definition/index.js';
import { entityId } from '../../../contracts/names.js';
import { uploadDays } from '../../../examples/demo/bucket.js';
import { buildWeather } from '../../../examples/seattle-weather/data.js';
import { startFaultProxy, type FaultProxy, type Trap } from '../faults/index.js';
import { BUCKET, KEY_ALIAS, benchDefinition, trainPrefix } from '../models.js';
import { wantRuns } from '../waiting.js';
import { makeEventsQueue } from './events-queue.js';
import { endingOf, runsOf, type Ending } from './ending.js';
import { LaneWorker } from './lane-worker.js';
import type { RunKind } from './points.js';
import type { CampaignSetting } from './setting.js';

const days = buildWeather().slice(0, 3);
/** The newest day that every run finds. */
export const NEWEST = days.at(-1)?.date ?? '';
/** Old configs and models that stay: with one, the third run of a model removes something. */
const KEEP = 1;
/** Longer than any single fault may hold up a run. */
const END_WITHIN_MS = 300_000;

/** A worker of its own behind proxies of its own on a task queue of its own: points in different lanes don't see each other. */
export class Lane {
  #models = 0;
  #changes = 0;
  #deployed: Definition | undefined;

  private constructor(
    private readonly setting: CampaignSetting,
    private readonly name: string,
    private readonly taskQueue: string,
    readonly proxy: FaultProxy,
    readonly worker: LaneWorker,
  ) {}

  static async open(setting: CampaignSetting, name: string): Promise<Lane> {
    const proxy = await startFaultProxy(setting.stack);
    const queue = await makeEventsQueue(setting.stack, name);
    const taskQueue = `campaign-${name}`;
    const worker = new LaneWorker(setting.stack, {
      ...proxy.env,
      PERENNIAL_TASK_QUEUE: taskQueue,
      // The SDK asks a queue where its URL says.
      WORKER_EVENTS_QUEUE_URL: new URL(new URL(queue).pathname, proxy.env['AWS_ENDPOINT_URL']).href,
      LOG_LEVEL: 'error',
    });
    return new Lane(setting, name, taskQueue, proxy, worker);
  }

  async close(): Promise<void> {
    await this.worker.close();
    await this.proxy.close();
  }

  /** A model whose next run is of this kind, with data that is news to it. */
  async model(kind: RunKind): Promise<Definition> {
    if (kind === 'create') return this.#newModel();
    if (!this.#deployed) {
      await this.worker.ensure();
      const definition = await this.#newModel();
      this.proxy.book.begin(definition.name);
      await this.#deploy(definition);
      await this.#change(definition);
      await this.#deploy(definition);
      this.#deployed = definition;
    }
    await this.#change(this.#deployed);
    return this.#deployed;
  }

  /** The model that updates are made of is not used again: something of it is not as it should be. */
  dropModel(): void {
    this.#deployed = undefined;
  }

  /**
   * Has a model run once, with the trap set; `fresh` gives it a worker that has done nothing yet.
   * Rejects where the run has not ended in time; then entity and run are terminated.
   */
  async run(definition: Definition, { fresh = false, trap }: { fresh?: boolean; trap?: Trap } = {}): Promise<Ending> {
    const { client } = this.setting;
    if (fresh) await this.worker.kill();
    else await this.worker.ensure();
    this.proxy.book.begin(definition.name);
    if (trap) this.proxy.book.set(trap);
    const before = await runsOf(client, definition.name);
    await wantRuns(client, this.taskQueue, [definition], { trigger: 'manual' });
    if (fresh) await this.worker.hurry();
    const { lost } = this.worker;
    const limit = AbortSignal.any([this.setting.signal, lost, AbortSignal.timeout(END_WITHIN_MS)]);
    let run: string | undefined;
    try {
      while (run === undefined) {
        await sleep(100, undefined, { signal: limit });
        run = (await runsOf(client, definition.name))[before.length];
      }
      await this.worker.replaced();
      return await endingOf(client, run, limit);
    } catch (cause) {
      for (const id of [entityId(definition.name), run].filter((one) => one !== undefined))
        await client.workflow.getHandle(id).terminate('the campaign gave it up');
      lost.throwIfAborted();
      if (!limit.aborted) throw cause;
      throw new Error(`${run ?? `a run of ${definition.name}`} did not end within ${END_WITHIN_MS / 1_000} s`, {
        cause,
      });
    }
  }

  async #deploy(definition: Definition): Promise<void> {
    const { failure, progress } = await this.run(definition);
    if (progress.outcome !== 'Deployed') throw new Error(`${definition.name} was not deployed: ${failure?.message}`);
  }

  async #newModel(): Promise<Definition> {
    const name = `${this.name}-${(this.#models += 1)}`;
    await uploadDays(this.setting.s3, { bucket: BUCKET, prefix: trainPrefix(name), keyAlias: KEY_ALIAS }, days);
    return definitionSchema.parse({ ...benchDefinition(name), endpoint: { keep: KEEP } });
  }

  /** Uploads the oldest day once more, a row longer than the last time. */
  async #change({ data: { bucket, prefix } }: Definition): Promise<void> {
    this.#changes += 1;
    const changed = days.slice(0, 1).map(({ date, csv }) => ({ date, csv: csv.repeat(1 + this.#changes) }));
    await uploadDays(this.setting.s3, { bucket, prefix, keyAlias: KEY_ALIAS }, changed);
  }
}
