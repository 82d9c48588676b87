import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Definition } from '../../contracts/definition/index.js';
import { TASK_QUEUE, entityId } from '../../contracts/names.js';
import { MESSAGES, WORKFLOWS, type RunReceipt, type RunResult } from '../../contracts/runs.js';
import type { LocalStack } from '../../local/index.js';
import { quietRuntime, withOwnWorker } from '../support/own-worker.js';
import { ServiceClock } from '../support/service-clock.js';
import { withSkippingServer } from '../support/skipping.js';
import { completeAtOnce, withStack } from '../support/stack.js';
import { TrainingJobs } from '../support/training-jobs.js';
import { prepareSharedFiles, putArtifact, waitingDefinition } from '../support/waiting.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const MINUTE_MS = 60_000;
const WAITS = { short: 5 * MINUTE_MS, long: 5 * 24 * 60 * MINUTE_MS } as const;
type Wait = keyof typeof WAITS;
const RUNS = 3;
const MOST_EVENTS = 100;
/** The default of a definition. */
const POLL = '60s';

export const history: Scenario = {
  name: 'history',
  what: 'history events of a deployed run that waited five days, the same as of one that waited five minutes',
  unit: 'events',
  limit: MOST_EVENTS,
  bound: 'at most',
  measure: (context) =>
    withStack(
      context,
      async (stack) => {
        await prepareSharedFiles(stack);
        await completeAtOnce(stack);
        quietRuntime();
        const clock = new ServiceClock();
        const jobs = await TrainingJobs.start({
          now: clock.now,
          runsFor: (name) => WAITS[name.startsWith('long') ? 'long' : 'short'],
          artifact: await putArtifact(stack),
          others: stack.urls.sagemaker,
        });
        const uninstall = clock.install();
        try {
          return await withSkippingServer(context, (env) => measure(context, stack, env, jobs, clock));
        } finally {
          uninstall();
          await jobs.close();
        }
      },
      ['aws', 'postgres', 'slack', 'sagemaker'],
    ),
};

interface ObservedRun {
  readonly wait: Wait;
  readonly waitedMs: number;
  /** Describe and ListTrainingJobs calls. */
  readonly looks: number;
  /** Of its history's events, in order. */
  readonly types: readonly string[];
}

async function measure(
  { say, signal }: BenchContext,
  stack: LocalStack,
  env: TestWorkflowEnvironment,
  jobs: TrainingJobs,
  clock: ServiceClock,
): Promise<Measured> {
  const own = {
    connection: env.nativeConnection,
    namespace: env.namespace,
    taskQueue: TASK_QUEUE,
    interceptors: { activity: [clock.interceptor] },
  };
  const all = async () => {
    const runs: ObservedRun[] = [];
    for (const wait of Object.keys(WAITS) as Wait[])
      for (let index = 1; index <= RUNS; index += 1) {
        signal.throwIfAborted();
        say(`run ${index} of ${RUNS} that waits ${WAITS[wait] / MINUTE_MS} min …`);
        runs.push(await observe(env.client, wait, waitingDefinition(`${wait}-${index}`, POLL), jobs));
      }
    return judge(runs);
  };
  return withOwnWorker({ ...stack.env, AWS_ENDPOINT_URL_SAGEMAKER: jobs.url }, own, async () => {
    try {
      // A long wait takes most of a minute, which Ctrl-C does not sit out.
      return await env.connection.withAbortSignal(signal, all);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  });
}

/** One run of a new model through its entity, to its end. */
async function observe(client: Client, wait: Wait, base: Definition, jobs: TrainingJobs): Promise<ObservedRun> {
  const definition = { ...base, training: { ...base.training, maxRuntime: '7d' } };
  const entity = await client.workflow.start(WORKFLOWS.model, {
    taskQueue: TASK_QUEUE,
    workflowId: entityId(definition.name),
    args: [{ name: definition.name, definition }],
  });
  const before = jobs.calls.length;
  const { run } = await entity.executeUpdate<RunReceipt, [object]>(MESSAGES.requestRun, {
    args: [{ trigger: 'manual' }],
  });
  const handle = client.workflow.getHandle<() => Promise<RunResult>>(run);
  const result = await handle.result();
  if (result.outcome !== 'Deployed') throw new Error(`${run} ended as ${result.outcome}: ${result.reason}`);
  const { events } = JSON.parse(historyToJSON(await handle.fetchHistory())) as { events: { eventType: string }[] };
  const types = events.map(({ eventType }) => eventType.replace('EVENT_TYPE_', ''));
  return {
    wait,
    waitedMs: Math.round((result.stages['await'] ?? 0) * 1_000),
    looks: jobs.calls.slice(before).filter(({ operation }) => /^(List|Describe)/.test(operation)).length,
    types,
  };
}

/** What makes a server write a workflow task, of the events that a run has. */
const CAUSE =
  /^(WORKFLOW_EXECUTION_(STARTED|SIGNALED)|ACTIVITY_TASK_(COMPLETED|FAILED|TIMED_OUT)|EXTERNAL_WORKFLOW_EXECUTION_SIGNALED|TIMER_FIRED)$/;
const TASK_EVENTS = 3;

/**
 * The events of a run at most: answers that come together share a workflow task by luck, so each is counted with a task of its own.
 * `empty` are tasks that nothing caused, which the time-skipping server writes now and then; the dev server wrote none in 36 runs.
 */
export function mostEvents(types: readonly string[]): { most: number; empty: number } {
  const others = types.filter((type) => !type.startsWith('WORKFLOW_TASK_')).length;
  const causes = types.filter((type) => CAUSE.test(type)).length;
  const empty = types.filter(
    (type, index) => type === 'WORKFLOW_TASK_SCHEDULED' && types[index - 1] === 'WORKFLOW_TASK_COMPLETED',
  ).length;
  return { most: others + TASK_EVENTS * causes, empty };
}

/** What the observations say: exported for its test. */
export function judge(runs: readonly ObservedRun[]): Measured {
  const counted = runs.map((run) => ({ ...run, ...mostEvents(run.types) }));
  const of = (wait: Wait) => counted.filter((run) => run.wait === wait);
  const figure = Math.max(...of('long').map(({ most }) => most));
  const decisions = runs.map(({ types }) =>
    types
      .filter((type) => !type.startsWith('WORKFLOW_TASK_'))
      .sort()
      .join(),
  );
  const ok =
    figure <= MOST_EVENTS &&
    new Set(decisions).size === 1 &&
    counted.every(({ types, most, empty }) => types.length - TASK_EVENTS * empty <= most) &&
    counted.every(({ wait, waitedMs }) => waitedMs >= WAITS[wait]) &&
    [of('long'), of('short')].every(({ length }) => length === RUNS);
  const eventsOf = (wait: Wait) =>
    of(wait).map(({ most, types, empty }) => ({ atMost: most, seen: types.length, emptyTasks: empty }));
  return {
    figure,
    ok,
    detail: {
      eventsAfterFiveDays: eventsOf('long'),
      eventsAfterFiveMinutes: eventsOf('short'),
      sameButForWorkflowTasks: new Set(decisions).size === 1,
      runs,
    },
  };
}
