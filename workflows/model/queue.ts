import { runId, type RunTime } from '../../contracts/names.js';
import { MOST_OWN_REQUESTS, hasOwnSettings } from '../../contracts/runs.js';
import type { QueuedRun, RunReceipt, RunRequest } from '../../contracts/runs.js';

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

  /** Why these can't all be taken, or undefined if they can. */
  refusal(requests: readonly RunRequest[]): string | undefined {
    const waiting = this.waiting.filter((entry) => hasOwnSettings(entry.request)).length;
    const wanted = requests.filter(hasOwnSettings).length;
    if (wanted === 0 || waiting + wanted <= MOST_OWN_REQUESTS) return undefined;
    if (wanted === 1)
      return `${MOST_OWN_REQUESTS} requests with their own settings wait for ${this.model} already; cancel one or wait`;
    return (
      `${wanted} requests are more than fit: ${MOST_OWN_REQUESTS} with their own settings may wait for ${this.model}, ` +
      `${waiting} do already. None was taken; ask for fewer, cancel some or wait`
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
  mint(now: number): RunTime {
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
