import { randomUUID } from 'node:crypto';
import { tsToMs } from '@temporalio/common/lib/time.js';
import type { Client } from '@temporalio/client';
import type { Engine } from '../../../engine/engine.js';
import type { LedgerQuery } from '../../../contracts/questions.js';
import { WORKFLOWS } from '../../../contracts/runs.js';
import { freePort } from '../../../local/ports.js';
import type { LocalStack } from '../../../local/index.js';

/** Seconds that a worker gets to stop: its own time of grace, and some. */
const STOPS_WITHIN_S = 40;

/** Marks the containers of this process, so that those of others don't count. */
export const LABEL = `perennial.bench=${process.pid}`;

export interface Start {
  /** From the engine's `run` until the first workflow task is completed in the history, by the server's clock. */
  readonly firstTaskMs: number;
  /** The same until the whole question is answered: a second workflow task, and an activity that asks PostgreSQL. */
  readonly answeredMs: number;
  /** Of the container, after SIGTERM. */
  readonly exitCode: number;
}

/** Has a question wait for a worker, starts one in a container of the image, and stops it once it has answered. */
export async function playStart(
  engine: Engine,
  image: string,
  { env }: Pick<LocalStack, 'env'>,
  client: Client,
  signal: AbortSignal,
): Promise<Start> {
  // A queue of its own: no poll of an earlier worker is left on it.
  const taskQueue = `image-${randomUUID()}`;
  const query: LedgerQuery = { kind: 'listRuns', limit: 1 };
  const handle = await client.workflow.start(WORKFLOWS.ledgerQuery, {
    ...{ taskQueue, workflowId: taskQueue, args: [query] },
    workflowExecutionTimeout: '2m',
  });
  const settings = {
    ...env,
    PERENNIAL_TASK_QUEUE: taskQueue,
    WORKER_HEALTH_ADDRESS: `127.0.0.1:${await freePort()}`,
  };
  const began = Date.now();
  const args = [
    ...['run', '--detach', '--name', taskQueue, '--label', LABEL, '--network', 'host', '--pull', 'never'],
    // By name alone: the values, a password among them, are in no list of processes.
    ...Object.keys(settings).flatMap((name) => ['--env', name]),
    image,
  ];
  try {
    await engine.with(settings).run(args, { signal });
    await handle.result();
    signal.throwIfAborted();
    const { events } = await handle.fetchHistory();
    const first = events?.find((event) => event.workflowTaskCompletedEventAttributes);
    const last = events?.at(-1);
    if (!first || !last) throw new Error(`The history of ${taskQueue} has no completed workflow task`);
    await engine.run(['stop', '--time', String(STOPS_WITHIN_S), taskQueue]);
    const exitCode = Number(await engine.run(['inspect', '--format', '{{.State.ExitCode}}', taskQueue]));
    return { firstTaskMs: tsToMs(first.eventTime) - began, answeredMs: tsToMs(last.eventTime) - began, exitCode };
  } catch (error) {
    const said = await engine.run(['logs', '--tail', '3', taskQueue]).catch(() => '');
    throw new Error(`The worker's container did not answer: ${(error as Error).message}\n${said}`, { cause: error });
  } finally {
    await engine.run(['rm', '--force', '--volumes', taskQueue]).catch(() => undefined);
  }
}
