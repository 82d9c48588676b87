import { setTimeout as sleep } from 'node:timers/promises';
import type { Definition } from '../../../contracts/definition/index.js';
import { compactTime, parseS3Uri, runId } from '../../../contracts/names.js';
import type { OutcomeObject } from '../../../contracts/records.js';
import { WORKFLOWS, type RunInput, type RunResult } from '../../../contracts/runs.js';
import { readRecord } from '../../../activities/s3/records.js';
import { LaneWorker, type ExecutionEnd } from '../campaign/lane-worker.js';
import { startFaultProxy, type FaultProxy, type Trap } from '../faults/index.js';
import { startControlProxy, type ControlProxy } from './control.js';
import { startWarehouseRelay, type WarehouseRelay } from './relay.js';
import type { WarehouseSetting } from './setting.js';
import { AS_OF, type Kind, type World } from './world.js';

/** Longer than any fault may hold up a run: a killed worker is missed after half a minute. */
const END_WITHIN_MS = 300_000;
const LOOK_EVERY_MS = 1_000;

/** How a run ended, and what was seen meanwhile. */
export interface RunEnding extends ExecutionEnd<RunResult> {
  readonly run: string;
  /** As it stands in keys of S3. */
  readonly time: string;
  readonly outcome?: OutcomeObject;
  /** What lay under the date, look by look. */
  readonly looks: readonly (readonly string[])[];
}

/** A worker of its own behind proxies of its own before S3, the warehouses and their control plane. */
export class WarehouseLane {
  private constructor(
    private readonly setting: WarehouseSetting,
    private readonly taskQueue: string,
    readonly proxy: FaultProxy,
    readonly control: ControlProxy,
    readonly relays: Readonly<Record<Kind, WarehouseRelay>>,
    readonly worker: LaneWorker,
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
    const taskQueue = `warehouse-${name}`;
    const worker = new LaneWorker(setting.stack, {
      ...proxy.env,
      AWS_ENDPOINT_URL_REDSHIFT: control.url,
      PERENNIAL_TASK_QUEUE: taskQueue,
      LOG_LEVEL: 'warn',
    });
    return new WarehouseLane(setting, taskQueue, proxy, control, { redshift, postgres }, worker);
  }

  async close(): Promise<void> {
    await this.worker.close();
    const { redshift, postgres } = this.relays;
    await Promise.all([this.proxy, this.control, redshift, postgres].map((one) => one.close()));
  }

  /** Where a world's warehouse is reached through this lane. */
  access({ kind }: World): { port: number; ca: string } {
    return { port: this.relays[kind].port, ca: this.setting.certificates.caFile };
  }

  /** Starts a run that trains and deploys nothing; answers with its id. */
  async begin(definition: Definition, trap?: Trap): Promise<{ run: string; time: string }> {
    await this.worker.ensure();
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

  /** How a run ends. Rejects where it doesn't in time. */
  endOf(run: string): Promise<ExecutionEnd<RunResult>> {
    const { client, signal } = this.setting;
    return this.worker.endOf<RunResult>(client.workflow.getHandle(run), { signal, withinMs: END_WITHIN_MS });
  }

  /** Has a run prepare, and waits for its end. Rejects where it doesn't come in time. */
  async run(world: World, definition: Definition, trap?: Trap): Promise<RunEnding> {
    const { s3 } = this.setting;
    const { run, time } = await this.begin(definition, trap);
    let over = false;
    const ended = this.endOf(run).finally(() => (over = true));
    // Told below; the looks may fail before it.
    ended.catch(() => undefined);
    const looks: string[][] = [];
    while (!over) {
      looks.push(await world.names());
      await Promise.race([ended, sleep(LOOK_EVERY_MS)]);
    }
    const ending = await ended;
    const uri = ending.result?.outcomeUri;
    const place = uri === undefined ? undefined : parseS3Uri(uri);
    const outcome = place && (await readRecord<OutcomeObject>(s3, place.bucket, place.key))?.record;
    return { run, time, ...ending, ...(outcome && { outcome }), looks };
  }
}
