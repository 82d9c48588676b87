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

/** The shortest interval that a definition may name, and one of the usual size. */
const POLLS = [10, 1] as const;
const LIMIT_SECONDS = 15;
/** A wait looks as often as its definition says once it is ten intervals old; it looks more often before. */
const RAMP_POLLS = 11;
/** For each kill: two for each interval. */
const RUNS = 5;
const START_WITHIN_MS = 120_000;
const LISTED_WITHIN_MS = 15_000;
/** Where in the pause between two looks the second kill lies. */
const INTO_PAUSE = 0.3;

export const recover: Scenario = {
  name: 'recover',
  what: 'from SIGKILL of the worker, at which the awaited jobs complete, until a second worker has taken the run on from there, beyond one poll interval',
  unit: 's',
  limit: LIMIT_SECONDS,
  bound: 'at most',
  measure: (context) => withWaitingSetting(context, measure),
};

interface Kill {
  readonly pollSeconds: number;
  readonly when: 'during a look' | 'between two looks';
  /** Of each run, milliseconds from the kill until another worker had asked for the job, and until the run had gone on. */
  readonly runs: readonly { readonly askedMs: number; readonly wentOnMs: number }[];
}

async function measure(setting: WaitingSetting): Promise<Measured> {
  const kills: Kill[] = [];
  let worker = await setting.startWorker();
  for (const pollSeconds of POLLS) {
    const [ofPoll, next] = await killTwice(setting, pollSeconds, worker);
    kills.push(...ofPoll);
    worker = next;
  }
  return judge(kills);
}

/** Runs that look every `pollSeconds` lose their worker during a look, others of them between two. */
async function killTwice(
  setting: WaitingSetting,
  pollSeconds: number,
  first: WorkerProcess,
): Promise<[Kill[], WorkerProcess]> {
  const { client, jobs, say } = setting;
  const pollMs = pollSeconds * 1_000;
  const since = Date.now();
  const names = Array.from({ length: 2 * RUNS }, (_, index) => `recover-${pollSeconds}s-${index + 1}`);
  const definitions = names.map((name) => waitingDefinition(name, `${pollSeconds}s`));
  await wantRuns(client, TASK_QUEUE, definitions, { trigger: 'manual', noDeploy: true });
  await until(setting, 'every run waits', () => described(setting, since) === names.length, START_WITHIN_MS);
  const rampMs = RAMP_POLLS * pollMs;
  say(
    `${names.length} runs wait; in ${rampMs / 1_000} s they look every ${pollSeconds} s, as seldom as they ever do …`,
  );
  await sleep(rampMs, undefined, setting);
  const awaited = jobs.ofRuns.filter(({ run }) => run.includes(`/recover-${pollSeconds}s-`));
  const [some, others] = [awaited.slice(0, RUNS), awaited.slice(RUNS)];

  let open = (): void => undefined;
  jobs.gate = new Promise((resolve) => (open = resolve));
  await listing(setting, pollMs);
  const [duringLook, second] = await killed(setting, pollSeconds, 'during a look', first, some, () => {
    open();
    jobs.gate = undefined;
  });

  await listing(setting, pollMs);
  await sleep(INTO_PAUSE * pollMs, undefined, setting);
  const [inPause, third] = await killed(setting, pollSeconds, 'between two looks', second, others);
  return [[duringLook, inPause], third];
}

/** Kills a worker, completes the jobs of some runs in that moment, starts another worker, and watches these runs go on. */
async function killed(
  setting: WaitingSetting,
  pollSeconds: number,
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
  return [{ pollSeconds, when, runs }, next];
}

/** What the observations say. */
function judge(kills: readonly Kill[]): Measured {
  const beyond = kills.flatMap(({ pollSeconds, runs }) => runs.map(({ wentOnMs }) => wentOnMs / 1_000 - pollSeconds));
  const figure = Math.max(...beyond);
  return {
    figure: round(figure, 1),
    ok: figure <= LIMIT_SECONDS && kills.length === 2 * POLLS.length && kills.every(({ runs }) => runs.length === RUNS),
    detail: { kills },
  };
}

function described({ jobs }: WaitingSetting, since: number): number {
  const calls = jobs.calls.filter(({ operation, at }) => operation === 'DescribeTrainingJob' && at >= since);
  return new Set(calls.map(({ job }) => job)).size;
}

/** Waits until the next listing has come in. */
async function listing(setting: WaitingSetting, pollMs: number): Promise<void> {
  const seen = setting.jobs.calls.length;
  const came = () => setting.jobs.calls.slice(seen).some(({ operation }) => operation === 'ListTrainingJobs');
  await until(setting, 'a listing of the training jobs', came, 3 * pollMs + LISTED_WITHIN_MS);
}
