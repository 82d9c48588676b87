import { setTimeout as sleep } from 'node:timers/promises';
import { TASK_QUEUE, triggerId } from '../../contracts/names.js';
import { WORKFLOWS, type TriggerInput } from '../../contracts/runs.js';
import { round } from '../support/figures.js';
import { until, waitingDefinition, withWaitingSetting, type WaitingSetting } from '../support/waiting.js';
import type { WorkerProcess } from '../support/worker-process.js';
import type { Measured, Scenario } from '../scenario.js';

const MODELS = 1_000;
const MOST_MIB = 1_024;
const ALL_START_WITHIN_MS = 480_000;
/** How long they are watched once all of them wait. */
const WATCH_MS = 60_000;
const LOOK_MS = 500;

export const crowd: Scenario = {
  name: 'crowd',
  what: `resident memory of one worker while ${MODELS} models, all triggered at one moment, wait for their training jobs`,
  unit: 'MiB',
  limit: MOST_MIB,
  bound: 'at most',
  measure: (context) => withWaitingSetting(context, measure),
};

async function measure(setting: WaitingSetting): Promise<Measured> {
  const { say, client, jobs, signal } = setting;
  const worker = await setting.startWorker();
  const memory = observeMemory(worker);
  try {
    const names = Array.from({ length: MODELS }, (_, index) => `crowd-${index + 1}`);
    say(`${MODELS} models are triggered at once …`);
    const started = Date.now();
    // What a schedule starts, for all of them at nine o'clock: each wakes its model's entity, which isn't there before.
    await Promise.all(
      names.map((name) =>
        client.workflow.start(WORKFLOWS.trigger, {
          taskQueue: TASK_QUEUE,
          workflowId: triggerId(name),
          args: [{ definition: waitingDefinition(name, '60s') } satisfies TriggerInput],
        }),
      ),
    );
    say(`all were accepted after ${round((Date.now() - started) / 1_000, 1)} s …`);
    const waiting = () =>
      new Set(jobs.calls.filter(({ operation }) => operation === 'DescribeTrainingJob').map(({ job }) => job)).size;
    await until(setting, 'every model waits for a training job', () => waiting() === MODELS, ALL_START_WITHIN_MS).catch(
      (error: unknown) => {
        signal.throwIfAborted();
        say(`${(error as Error).message}: ${waiting()} of ${MODELS}`);
      },
    );
    const allWaitingAfter = Date.now() - started;
    say(`${waiting()} wait after ${round(allWaitingAfter / 1_000, 1)} s; ${WATCH_MS / 1_000} s more …`);
    await sleep(WATCH_MS, undefined, { signal });
    const models = new Set(jobs.ofRuns.map(({ run }) => run.split('/')[1]));
    const lost = names.filter((name) => !models.has(name)).length;
    const { failure, samples } = await memory.stop();
    if (failure) throw failure;
    const figure = Math.max(...samples.map(({ mib }) => mib));
    return {
      figure: round(figure, 0),
      ok: figure < MOST_MIB && lost === 0 && waiting() === MODELS && jobs.ofRuns.length === MODELS,
      detail: {
        models: MODELS,
        triggersLost: lost,
        trainingJobs: jobs.ofRuns.length,
        waiting: waiting(),
        allWaitingAfterSeconds: round(allWaitingAfter / 1_000, 1),
        sampleFields: ['seconds since the triggers', 'MiB'],
        samples: samples.map(({ at, mib }) => [round((at - started) / 1_000, 1), round(mib, 0)]),
      },
    };
  } finally {
    await memory.stop();
  }
}

interface Sample {
  readonly at: number;
  readonly mib: number;
}

/** Looks at the worker's memory again and again until it is told to stop. A worker that is gone is a failure. */
function observeMemory(worker: WorkerProcess) {
  const samples: Sample[] = [];
  const stopped = new AbortController();
  const done = (async () => {
    while (!stopped.signal.aborted) {
      samples.push({ at: Date.now(), mib: await worker.memoryMiB() });
      await sleep(LOOK_MS);
    }
  })().then(
    () => undefined,
    (failure: unknown) => failure,
  );
  return {
    async stop(): Promise<{ failure: unknown; samples: readonly Sample[] }> {
      stopped.abort();
      return { failure: await done, samples };
    },
  };
}
