import { runId, type RunTime } from '../../contracts/names.js';
import type { QueuedRun, RunReceipt, RunRequest } from '../../contracts/runs.js';

/** How many requests with settings of their own may wait. */
export const MOST_OWN_REQUESTS = 20;

/** A request with settings of its own is not served by another's run. */
const hasOwnSettings = (request: RunRequest) =>
  request.definition !== undefined || request.asOf !== undefined || request.noDeploy === true;

/**
 * Runs that wait, in order. Plain wishes merge into one queued run, which takes over a wish's force and the newest date asked for;
 * wishes with settings of their own queue apart. Pure: no time, no Temporal.
 */
export class RunQueue {
  private readonly waiting: QueuedRun[];

  constructor(
    private readonly model: string,
    carriedOver: readonly QueuedRun[] = [],
    private lastTime: RunTime = '',
  ) {
    this.waiting = [...carriedOver];
  }

  get entries(): readonly QueuedRun[] {
    return this.waiting;
  }

  get newestTime(): RunTime {
    return this.lastTime;
  }

  /** Whether another request with settings of its own fits. */
  accepts(request: RunRequest): boolean {
    return (
      !hasOwnSettings(request) ||
      this.waiting.filter((entry) => hasOwnSettings(entry.request)).length < MOST_OWN_REQUESTS
    );
  }

  /** Queues or merges a wish made at `now` (epoch ms). `running`: whether a run is under way. */
  add(request: RunRequest, now: number, running: boolean): RunReceipt {
    const before = running ? 1 : 0;
    const index = hasOwnSettings(request) ? -1 : this.waiting.findIndex((entry) => !hasOwnSettings(entry.request));
    const found = this.waiting[index];
    if (found) {
      this.waiting[index] = { ...found, wishes: found.wishes + 1, request: merge(found.request, request, now) };
      return { run: runId(this.model, found.runTime), state: 'merged', position: before + index };
    }
    const runTime = this.mint(now);
    this.waiting.push({ runTime, request, wishes: 1 });
    const position = before + this.waiting.length - 1;
    return { run: runId(this.model, runTime), state: position === 0 ? 'started' : 'queued', position };
  }

  next(): QueuedRun | undefined {
    return this.waiting.shift();
  }

  drop(run: string): boolean {
    const index = this.waiting.findIndex((entry) => runId(this.model, entry.runTime) === run);
    if (index >= 0) this.waiting.splice(index, 1);
    return index >= 0;
  }

  /** Remote names carry this time: it never repeats within a model. */
  private mint(now: number): RunTime {
    const last = this.lastTime === '' ? 0 : Date.parse(this.lastTime);
    this.lastTime = new Date(Math.max(now, last + 1)).toISOString();
    return this.lastTime;
  }
}

function merge(queued: RunRequest, wish: RunRequest, now: number): RunRequest {
  const given = [queued.nominalDate, wish.nominalDate];
  // A wish without a date means today, which a schedule's older date must not turn back.
  const dates = given.map((date) => date ?? new Date(now).toISOString().slice(0, 10)).sort();
  const nominalDate = given.some((date) => date !== undefined) ? dates.at(-1) : undefined;
  return {
    ...queued,
    ...(nominalDate ? { nominalDate } : {}),
    ...(queued.force || wish.force ? { force: true } : {}),
  };
}
