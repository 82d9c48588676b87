import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { Definition } from '../../../contracts/definition/index.js';
import { compactTime, parseS3Uri, runId } from '../../../contracts/names.js';
import type { OutcomeObject } from '../../../contracts/records.js';
import { WORKFLOWS, type RunInput, type RunResult } from '../../../contracts/runs.js';
import { readRecord } from '../../../activities/s3/records.js';
import { failureOf } from '../campaign/ending.js';
import { startFaultProxy, type FaultProxy, type Trap } from '../faults/index.js';
import { startWorkerProcess, type WorkerProcess } from '../worker-process.js';
import { startControlProxy, type ControlProxy } from './control.js';
import { startWarehouseRelay, type WarehouseRelay } from './relay.js';
import type { WarehouseSetting } from './setting.js';
import { AS_OF, type Kind, type World } from './world.js';

/** Longer than any fault may hold up a run: a killed worker is missed after half a minute. */
const END_WITHIN_MS = 300_000;
const LOOK_EVERY_MS = 1_000;

/** Workers that come up at the same time: more of them only wait for each other. */
const starting = pLimit(3);

/** How a run ended, and what was seen meanwhile. */
export interface RunEnding {
  readonly run: string;
  /** As it stands in keys of S3. */
  readonly time: string;
  readonly result?: RunResult;
  readonly failure?: { readonly type: string; readonly message: string };
  readonly outcome?: OutcomeObject;
  /** What lay under the date, look by look. */
  readonly looks: readonly (readonly string[])[];
}

/** A worker of its own behind proxies of its own before S3, the warehouses and their control plane. */
export class WarehouseLane {
  #worker: WorkerProcess | undefined;
  #replacing: Promise<void> | undefined;

  private constructor(
    private readonly setting: WarehouseSetting,
    private readonly taskQueue: string,
    readonly proxy: FaultProxy,
    readonly control: ControlProxy,
    readonly relays: Readonly<Record<Kind, WarehouseRelay>>,
  ) {}

  static async open(setting: WarehouseSetting, name: string): Promise<WarehouseLane> {
    const { urls } = setting.stack;
    const proxy = await startFaultProxy(setting.stack);
    const control = await startControlProxy(urls.redshift ?? '', proxy.book);
    const database = new URL(urls.postgres ?? '');
    const [host = '', port] = (urls.warehouse ?? '').split(':');
    const { certificates: own, authority } = setting;
    const [redshift, postgres] = await Promise.all([
      startWarehouseRelay({ host, port: Number(port), tls: { own, authority } }, proxy.book),
      startWarehouseRelay({ host: database.hostname, port: Number(database.port) }, proxy.book),
    ]);
    return new WarehouseLane(setting, `warehouse-${name}`, proxy, control, { redshift, postgres });
  }

  async close(): Promise<void> {
    await this.#replacing;
    await this.#worker?.kill();
    const { redshift, postgres } = this.relays;
    await Promise.all([this.proxy, this.control, redshift, postgres].map((one) => one.close()));
  }

  /** SIGKILL now, and another worker as soon as it is gone. */
  replaceWorker(): void {
    const worker = this.#worker;
    this.#replacing = (async () => {
      await worker?.kill();
      this.#worker = await this.#start(false);
    })();
    // Whoever waits for the run is told.
    this.#replacing.catch(() => undefined);
  }

  /** Where a world's warehouse is reached through this lane. */
  access({ kind }: World): { port: number; ca: string } {
    return { port: this.relays[kind].port, ca: this.setting.certificates.caFile };
  }

  /** Starts a run that trains and deploys nothing; answers with its id. */
  async begin(definition: Definition, trap?: Trap): Promise<{ run: string; time: string }> {
    this.#worker ??= await starting(() => this.#start(true));
    const { book } = this.proxy;
    book.begin(definition.name);
    if (trap) book.set(trap);
    const runTime = new Date().toISOString();
    const input: RunInput = {
      ...{ runTime, definition, entity: false },
      request: { trigger: 'manual', asOf: AS_OF, noDeploy: true },
    };
    const run = runId(definition.name, runTime);
    const start = { workflowId: run, taskQueue: this.taskQueue, args: [input] };
    await this.setting.client.workflow.start(WORKFLOWS.retrain, start);
    return { run, time: compactTime(runTime) };
  }

  /** Has a run prepare, and waits for its end. Rejects where it doesn't come in time. */
  async run(world: World, definition: Definition, trap?: Trap): Promise<RunEnding> {
    const { client, signal, s3 } = this.setting;
    const { run, time } = await this.begin(definition, trap);
    const handle = client.workflow.getHandle(run);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(END_WITHIN_MS)]);
    let over = false;
    const ended = handle
      .result()
      .then(
        (result) => ({ result: result as RunResult }),
        (error: unknown) => ({ failure: failureOf(error) }),
      )
      .finally(() => (over = true));
    const looks: string[][] = [];
    while (!over && !limit.aborted) {
      looks.push(await world.names());
      await Promise.race([ended, sleep(LOOK_EVERY_MS)]);
    }
    await this.#replacing;
    if (!over) {
      await handle.terminate('the bench gave it up');
      signal.throwIfAborted();
      throw new Error(`the run did not end within ${END_WITHIN_MS / 1_000} s`);
    }
    const ending = await ended;
    const uri = 'result' in ending ? ending.result.outcomeUri : undefined;
    const place = uri === undefined ? undefined : parseS3Uri(uri);
    const outcome = place && (await readRecord<OutcomeObject>(s3, place.bucket, place.key))?.record;
    return { run, time, ...ending, ...(outcome && { outcome }), looks };
  }

  #start(wait: boolean): Promise<WorkerProcess> {
    const own = {
      ...this.proxy.env,
      AWS_ENDPOINT_URL_REDSHIFT: this.control.url,
      PERENNIAL_TASK_QUEUE: this.taskQueue,
      LOG_LEVEL: 'warn',
    };
    return startWorkerProcess(this.setting.stack, own, { wait });
  }
}
