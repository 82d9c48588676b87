import { setTimeout as sleep } from 'node:timers/promises';
import { TASK_QUEUE } from '../../contracts/names.js';
import { round } from '../support/figures.js';
import {
  endOfWait,
  until,
  waitingDefinition,
  wantRuns,
  withWaitingSetting,
  type WaitingSetting,
} from '../support/waiting.js';
import type { Measured, Scenario } from '../scenario.js';
import type { WorkerProcess } from '../support/worker-process.js';

const POLL_SECONDS = 10;
const POLL_MS = POLL_SECONDS * 1_000;
const LIMIT_SECONDS = POLL_SECONDS + 15;
/** A wait looks as often as its definition says once it is ten intervals old; it looks more often before. */
const RAMP_MS = 11 * POLL_MS;
/** For each of the two kills. */
const RUNS = 5;
const START_WITHIN_MS = 120_000;
/** Where in the pause between two looks the second kill lies. */
const INTO_PAUSE_MS = 3_000;

export const recover: Scenario = {
  name: 'recover',
  what: 'from SIGKILL of the worker, at which the awaited jobs complete, until a second worker has taken the run on from there',
  unit: 's',
  limit: LIMIT_SECONDS,
  bound: 'at most',
  measure: (context) => withWaitingSetting(context, measure),
};

interface Kill {
  readonly when: 'during a look' | 'between two looks';
  /** Of each run, milliseconds from the kill until another worker had asked for the job, and until the run had gone on. */
  readonly runs: readonly { readonly askedMs: number; readonly wentOnMs: number }[];
}

async function measure(setting: WaitingSetting): Promise<Measured> {
  const { client, jobs, say } = setting;
  const first = await setting.startWorker();
  const names = Array.from({ length: 2 * RUNS }, (_, index) => `recover-${index + 1}`);
  const definitions = names.map((name) => waitingDefinition(name, `${POLL_SECONDS}s`));
  await wantRuns(client, TASK_QUEUE, definitions, { trigger: 'event', noDeploy: true });
  await until(setting, 'every run waits', () => described(setting, 0) === names.length, START_WITHIN_MS);
  say(`${names.length} runs wait; in ${RAMP_MS / 1_000} s they look as seldom as they ever do …`);
  await sleep(RAMP_MS, undefined, setting);
  const [some, others] = [jobs.ofRuns.slice(0, RUNS), jobs.ofRuns.slice(RUNS)];

  let open = (): void => undefined;
  jobs.gate = new Promise((resolve) => (open = resolve));
  await listing(setting);
  const [duringLook, second] = await killed(setting, 'during a look', first, some, () => {
    open();
    jobs.gate = undefined;
  });

  await listing(setting);
  await sleep(INTO_PAUSE_MS, undefined, setting);
  const [inPause] = await killed(setting, 'between two looks', second, others);
  return judge([duringLook, inPause]);
}

/** Kills a worker, completes the jobs of some runs in that moment, starts another worker, and watches these runs go on. */
async function killed(
  setting: WaitingSetting,
  when: Kill['when'],
  worker: WorkerProcess,
  awaited: readonly { name: string; run: string }[],
  afterwards: () => void = () => undefined,
): Promise<[Kill, WorkerProcess]> {
  const { client, jobs, say } = setting;
  say(`SIGKILL ${when} …`);
  const at = Date.now();
  for (const { name } of awaited) jobs.finish(name);
  await worker.kill();
  afterwards();
  const next = await setting.startWorker({ wait: false });
  const runs = await Promise.all(
    awaited.map(async ({ name, run }) => {
      const handle = client.workflow.getHandle(run);
      await handle.result();
      const asked = jobs.calls.find((call) => call.job === name && call.at > at)?.at ?? Number.NaN;
      return { askedMs: asked - at, wentOnMs: Math.round((await endOfWait(handle)).wentOn - at) };
    }),
  );
  return [{ when, runs }, next];
}

/** What the observations say. */
function judge(kills: readonly Kill[]): Measured {
  const figure = Math.max(...kills.flatMap(({ runs }) => runs.map(({ wentOnMs }) => wentOnMs))) / 1_000;
  return {
    figure: round(figure, 1),
    ok: figure <= LIMIT_SECONDS && kills.every(({ runs }) => runs.length === RUNS),
    detail: { pollSeconds: POLL_SECONDS, kills },
  };
}

function described({ jobs }: WaitingSetting, since: number): number {
  const calls = jobs.calls.filter(({ operation, at }) => operation === 'DescribeTrainingJob' && at >= since);
  return new Set(calls.map(({ job }) => job)).size;
}

/** Waits until the next listing has come in. */
async function listing(setting: WaitingSetting): Promise<void> {
  const seen = setting.jobs.calls.length;
  const came = () => setting.jobs.calls.slice(seen).some(({ operation }) => operation === 'ListTrainingJobs');
  await until(setting, 'a listing of the training jobs', came, 3 * POLL_MS);
}
