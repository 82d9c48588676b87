import { setTimeout as sleep } from 'node:timers/promises';
import { TASK_QUEUE } from '../../contracts/names.js';
import { round } from '../support/figures.js';
import type { Call } from '../support/training-jobs.js';
import {
  endOfWait,
  until,
  waitingDefinition,
  wantRuns,
  withWaitingSetting,
  type WaitingSetting,
} from '../support/waiting.js';
import type { Measured, Scenario } from '../scenario.js';

const RUNS = 200;
const FOREIGN = 1_000;
const POLL_SECONDS = 10;
const POLL_MS = POLL_SECONDS * 1_000;
/** A wait looks as often as its definition says once it is ten intervals old; it looks more often before. */
const RAMP_MS = 11 * POLL_MS;
const INTERVALS = 4;
const MOST_LISTS = 12;
const MOST_LISTS_ALONE = 3;
const NOTICED_WITHIN_MS = POLL_MS + 10_000;
const ALL_START_WITHIN_MS = 180_000;

export const statusCalls: Scenario = {
  name: 'status-calls',
  what: `ListTrainingJobs calls an interval with ${RUNS} runs waiting in one worker amid ${FOREIGN} foreign jobs, every job changing all the time`,
  unit: 'calls',
  limit: MOST_LISTS,
  bound: 'at most',
  measure: (context) => withWaitingSetting(context, measure),
};

async function measure(setting: WaitingSetting): Promise<Measured> {
  const { say, client, jobs } = setting;
  jobs.restless = true;
  await setting.startWorker();
  const names = Array.from({ length: RUNS }, (_, index) => `calls-${index + 1}`);
  const definitions = names.map((name) => waitingDefinition(name, `${POLL_SECONDS}s`));
  say(`${RUNS} runs start …`);
  await wantRuns(client, TASK_QUEUE, definitions, { trigger: 'manual', noDeploy: true });
  const described = () => new Set(jobs.calls.filter(isDescribe).map(({ job }) => job)).size;
  await until(setting, 'every run waits', () => described() === RUNS, ALL_START_WITHIN_MS);
  say(`they wait; in ${RAMP_MS / 1_000} s they look as seldom as they ever do …`);
  await sleep(RAMP_MS, undefined, setting);

  const alone = await listen(setting, `${INTERVALS} intervals without foreign jobs`);
  jobs.addForeign(FOREIGN);
  // The first listing that holds them all is the next one.
  await sleep(POLL_MS, undefined, setting);
  const amid = await listen(setting, `${INTERVALS} intervals amid ${FOREIGN} foreign jobs`);

  say('the jobs complete one after another within an interval …');
  const finishing = jobs.ofRuns.map(({ name, run }) => ({ name, run, at: 0 }));
  for (const job of finishing) {
    job.at = jobs.finish(job.name);
    await sleep(POLL_MS / RUNS, undefined, setting);
  }
  await Promise.all(finishing.map(({ run }) => client.workflow.getHandle(run).result()));
  const finished = await Promise.all(
    finishing.map(async ({ name, run, at }) => {
      const { answered } = await endOfWait(client.workflow.getHandle(run));
      const describes = jobs.calls.filter((call) => isDescribe(call) && call.job === name && call.at >= at).length;
      return { noticedMs: Math.round(answered - at), describes };
    }),
  );
  return judge({ alone, amid, finished, describedBefore: describesBefore(jobs.calls, finishing) });
}

interface Observed {
  readonly alone: readonly Call[];
  readonly amid: readonly Call[];
  /** Of each finished job: until its run knew, and DescribeTrainingJob calls meanwhile. */
  readonly finished: readonly { readonly noticedMs: number; readonly describes: number }[];
  /** DescribeTrainingJob calls for jobs still running, beyond the one with which each wait begins. */
  readonly describedBefore: number;
}

/** What the observations say: exported for its test. */
export function judge({ alone, amid, finished, describedBefore }: Observed): Measured {
  const [listsAlone, listsAmid] = [listsAnInterval(alone), listsAnInterval(amid)];
  const figure = Math.max(...listsAmid);
  const noticedMs = finished.map((one) => one.noticedMs);
  const describes = finished.map((one) => one.describes);
  const slowest = Math.max(...noticedMs);
  return {
    figure,
    ok:
      figure <= MOST_LISTS &&
      Math.min(...listsAmid, ...listsAlone) > 0 &&
      Math.max(...listsAlone) <= MOST_LISTS_ALONE &&
      finished.length === RUNS &&
      describes.every((count) => count === 1) &&
      describedBefore === 0 &&
      slowest <= NOTICED_WITHIN_MS,
    detail: {
      pollSeconds: POLL_SECONDS,
      runs: RUNS,
      foreignJobs: FOREIGN,
      listsAnInterval: listsAmid,
      listsAnIntervalWithoutForeignJobs: listsAlone,
      limitWithoutForeignJobs: MOST_LISTS_ALONE,
      mostListsInOneSecond: mostInOneSecond([...alone, ...amid]),
      describesOfRunningJobs: describedBefore,
      describesAFinishedJob: { least: Math.min(...describes), most: Math.max(...describes) },
      slowestNoticeSeconds: round(slowest / 1_000, 1),
      limitOfNoticeSeconds: NOTICED_WITHIN_MS / 1_000,
      finishedJobFields: ['noticedMs', 'describes'],
      finishedJobs: finished.map((one) => [one.noticedMs, one.describes]),
      listFields: ['atMs', 'further page'],
      lists: inTime(amid),
      listsWithoutForeignJobs: inTime(alone),
    },
  };
}

const isDescribe = ({ operation }: Call) => operation === 'DescribeTrainingJob';
const isList = ({ operation }: Call) => operation === 'ListTrainingJobs';

/** The calls of whole intervals, from the start of one listing on. */
async function listen({ jobs, signal, say }: WaitingSetting, what: string): Promise<Call[]> {
  say(`${what} …`);
  let seen = jobs.calls.length;
  const starts = () => jobs.calls.findIndex((call, index) => index >= seen && isList(call) && !call.further);
  while (starts() < 0) await sleep(10, undefined, { signal });
  seen = starts();
  // Up to just before the listing that comes after the last interval.
  await sleep(INTERVALS * POLL_MS - 1_000, undefined, { signal });
  return jobs.calls.slice(seen);
}

/** Intervals begin a second before the first call, so that a call a few milliseconds early or late stays in its own. */
function listsAnInterval(calls: readonly Call[]): number[] {
  const start = (calls[0]?.at ?? 0) - 1_000;
  return Array.from(
    { length: INTERVALS },
    (_, index) => calls.filter((call) => isList(call) && Math.floor((call.at - start) / POLL_MS) === index).length,
  );
}

function mostInOneSecond(calls: readonly Call[]): number {
  const times = calls.filter(isList).map(({ at }) => at);
  return Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length));
}

const inTime = (calls: readonly Call[]) =>
  calls.filter(isList).map(({ at, further }) => [at - (calls[0]?.at ?? 0), further ? 1 : 0]);

function describesBefore(calls: readonly Call[], finished: readonly { name: string; at: number }[]): number {
  const ends = new Map(finished.map(({ name, at }) => [name, at]));
  const early = calls.filter((call) => isDescribe(call) && call.at < (ends.get(call.job ?? '') ?? 0));
  return early.length - new Set(early.map(({ job }) => job)).size;
}
