import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker, makeTelemetryFilterString } from '@temporalio/worker';
import { inject } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import { SEARCH_ATTRIBUTES } from '../../contracts/names.js';
import { PREPARE_QUEUE_SUFFIX, type PrepareActivities } from '../../contracts/prepare.js';
import { testWorker } from './worker.js';

/** IndexedValueType of the server's API. */
const KEYWORD = 2;

/** Installs a quiet runtime, once a process. */
export function quietRuntime(): void {
  try {
    Runtime.install({
      logger: new DefaultLogger('ERROR'),
      telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
    });
  } catch (error) {
    if (!(error instanceof Error && error.name === 'IllegalStateError')) throw error;
  }
}

/** The time-skipping server with the search attributes that runs set. */
export async function timeSkippingEnvironment(): Promise<TestWorkflowEnvironment> {
  quietRuntime();
  const env = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: inject('timeSkipping').path } },
  });
  await env.connection.operatorService.addSearchAttributes({
    namespace: env.namespace ?? 'default',
    searchAttributes: Object.fromEntries(Object.values(SEARCH_ATTRIBUTES).map((name) => [name, KEYWORD])),
  });
  return env;
}

let queues = 0;

/** Runs `body` beside a worker of the real workflows and the given activities, on a task queue of its own; what prepares data has one too. */
export async function withWorker<T>(
  env: TestWorkflowEnvironment,
  activities: Activities,
  body: (taskQueue: string) => Promise<T>,
  preparing?: PrepareActivities,
): Promise<T> {
  const taskQueue = `test-${process.pid}-${(queues += 1)}`;
  const common = {
    connection: env.nativeConnection,
    ...(env.namespace ? { namespace: env.namespace } : {}),
    maxHeartbeatThrottleInterval: '5s',
  } as const;
  const worker = await testWorker({ ...common, taskQueue, activities });
  if (!preparing) return worker.runUntil(() => body(taskQueue));
  const second = await Worker.create({
    ...common,
    taskQueue: `${taskQueue}${PREPARE_QUEUE_SUFFIX}`,
    activities: { ...preparing },
  });
  return second.runUntil(() => worker.runUntil(() => body(taskQueue)));
}
