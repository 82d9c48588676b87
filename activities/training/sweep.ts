import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { Pace } from './pace.js';

/** A training job in a listing: its name, its statuses, and when the last of them began (milliseconds). */
export interface ListedJob {
  readonly name: string;
  readonly status: string;
  readonly secondary?: string;
  readonly modified?: number;
}

/** A described job with all that SageMaker says of it. `at` is SageMaker's clock when it answered, in milliseconds. */
interface DescribedJob<Detail> extends ListedJob {
  readonly at: number;
  readonly detail: Detail;
}

/** The two calls that a sweep makes, and which of their errors mean that there were too many of them. */
export interface JobSource<Detail> {
  isThrottled(error: unknown): boolean;
  describe(name: string): Promise<DescribedJob<Detail>>;
  /** Every job changed after `after` (SageMaker's clock), and that clock when the first page was answered. */
  listChanged(after: number): Promise<{ jobs: readonly ListedJob[]; at: number }>;
}

/** What is known of a job. `detail` is there once it isn't running any more, and when the job was described for this answer. */
export interface JobView<Detail> {
  readonly status: string;
  readonly secondary?: string;
  /** Milliseconds since the secondary status began, by SageMaker's clock. */
  readonly forMs: number;
  /** Milliseconds since we looked. */
  readonly ageMs: number;
  /** For an answer older than was asked for: milliseconds until the quota, or the listing under way, may let us know more. */
  readonly againMs?: number;
  readonly detail?: Detail;
}

export interface SweepOptions {
  /** Least time between two listings: ListTrainingJobs allows two a second. */
  readonly spacingMs?: number;
  /** How far a listing reaches back before the last: changes are dated by several machines, and show up late. */
  readonly overlapMs?: number;
  /** A job that no listing showed for so long is described again: a deleted one is never listed. */
  readonly recheckMs?: number;
  /** A job that nobody asked about for so long is forgotten. */
  readonly forgetMs?: number;
  /** A question waits no longer for a listing under way, and is answered with what is known. */
  readonly patienceMs?: number;
  readonly now?: () => number;
  readonly sleep?: (ms: number) => Promise<void>;
}

interface Known extends ListedJob {
  /** SageMaker's clock at the time this was true. */
  asOf: number;
  /** Our clock then, when it was last described, and when it was last asked for. */
  lookedAt: number;
  describedAt: number;
  askedAt: number;
}

/** Statuses whose jobs are still followed by listings; with any other the job itself is asked. */
const RUNNING = new Set(['InProgress', 'Stopping']);
/** A question that comes some milliseconds before an answer is too old would otherwise wait for another part of an interval. */
const ALMOST = 0.95;
/** Jobs described at the same time: after an outage, or a clock that was set, every wait asks for its job at once. */
const DESCRIBES = 8;
/** When to ask again while a listing is under way. */
const SOON_MS = 2_000;
const SET_BACK_MS = 1_000;

/**
 * Follows all training jobs that a worker waits for with one listing of what changed, instead of one call a job: calls follow what
 * changed, not what waits. A job that the listing doesn't show is unchanged. Callers share a listing under way.
 *
 * The quota of these calls is the account's, and other tools use it too: when a call is throttled, all waits share one growing pause,
 * in which they are answered with what is known. A clock that is set back makes what is known old, one that is set forward likewise:
 * either costs calls, never an answer.
 */
export class TrainingSweep<Detail> {
  private readonly jobs = new Map<string, Known>();
  private readonly options: Required<SweepOptions>;
  private listing: Promise<void> | undefined;
  private listedAt = Number.NEGATIVE_INFINITY;
  /** AWS counts calls by operation. */
  private readonly pace: { readonly list: Pace; readonly describe: Pace };
  private readonly describing = pLimit(DESCRIBES);

  constructor(
    private readonly source: JobSource<Detail>,
    options: SweepOptions = {},
  ) {
    this.options = {
      spacingMs: 500,
      overlapMs: 60_000,
      recheckMs: 6 * 3_600_000,
      forgetMs: 2 * 3_600_000,
      patienceMs: 7_000,
      now: Date.now,
      sleep: (ms) => sleep(ms),
      ...options,
    };
    this.pace = { list: new Pace(this.options.now), describe: new Pace(this.options.now) };
  }

  /**
   * State of a job, at most `maxAgeMs` old, or older while calls are throttled or a listing takes long. A job not known yet is
   * described; other errors of the calls are thrown as they are.
   */
  async status(name: string, maxAgeMs: number): Promise<JobView<Detail>> {
    const { now, recheckMs } = this.options;
    const first = this.jobs.get(name);
    if (!first || this.since(first.describedAt) > recheckMs) return this.describe(name);
    first.askedAt = now();
    const isOld = ({ lookedAt }: Known) => this.since(lookedAt) >= maxAgeMs * ALMOST;
    if (isOld(first) && this.pace.list.waitMs() === 0) await this.refresh();
    const known = this.jobs.get(name);
    if (!known || !RUNNING.has(known.status)) return this.describe(name);
    return isOld(known) ? { ...this.view(known), againMs: this.pace.list.waitMs() || SOON_MS } : this.view(known);
  }

  /** Asks for the job itself, whatever is known of it. */
  async describe(name: string): Promise<JobView<Detail>> {
    const { now } = this.options;
    this.jobs.delete(name);
    const { detail, at, ...job } = await this.describing(() =>
      this.paced(this.pace.describe, () => this.source.describe(name)),
    );
    const known: Known = { ...job, asOf: at, lookedAt: now(), describedAt: now(), askedAt: now() };
    // One at its end is not kept: a repeated question about it is a new one.
    if (RUNNING.has(known.status)) this.jobs.set(name, known);
    return { ...this.view(known), detail };
  }

  /** Makes a call unless the quota asks for a pause, and learns from its answer. */
  private async paced<T>(pace: Pace, call: () => Promise<T>): Promise<T> {
    pace.check();
    try {
      const answer = await call();
      pace.eased();
      return answer;
    } catch (error) {
      if (this.source.isThrottled(error)) pace.refused(error);
      throw error;
    }
  }

  /** Joins the listing under way, or starts one. One that is throttled, or takes too long, is no reason to answer nothing. */
  private async refresh(): Promise<void> {
    this.listing ??= this.list().finally(() => {
      this.listing = undefined;
    });
    try {
      await Promise.race([this.listing, sleep(this.options.patienceMs, undefined, { ref: false })]);
    } catch (error) {
      if (!this.source.isThrottled(error)) throw error;
    }
  }

  /** Milliseconds since a moment of our clock; for ever if it was set back since by more than clocks are corrected in passing. */
  private since(moment: number): number {
    const passed = this.options.now() - moment;
    return passed < -SET_BACK_MS ? Number.POSITIVE_INFINITY : Math.max(0, passed);
  }

  private async list(): Promise<void> {
    const { now, sleep: pause, spacingMs, overlapMs } = this.options;
    const wait = spacingMs - this.since(this.listedAt);
    if (wait > 0) await pause(wait);
    this.listedAt = now();
    this.forget();
    const covered = new Map(this.jobs);
    // All that waited may have ended during the pause.
    if (covered.size === 0) return;
    const lookedAt = now();
    // From the oldest knowledge on, so that no job's change falls between two looks; all times are SageMaker's own.
    const oldest = Math.min(...[...covered.values()].map(({ asOf }) => asOf));
    const { jobs, at } = await this.paced(this.pace.list, () => this.source.listChanged(oldest - overlapMs));
    for (const known of covered.values()) Object.assign(known, { asOf: Math.max(at, known.asOf), lookedAt });
    for (const job of jobs) Object.assign(covered.get(job.name) ?? {}, job);
  }

  private forget(): void {
    for (const [name, { askedAt }] of this.jobs)
      if (this.since(askedAt) > this.options.forgetMs) this.jobs.delete(name);
  }

  private view(known: Known): JobView<Detail> {
    return {
      status: known.status,
      ...(known.secondary !== undefined && { secondary: known.secondary }),
      forMs: Math.max(0, known.asOf - (known.modified ?? known.asOf)),
      ageMs: Math.max(0, this.options.now() - known.lookedAt),
    };
  }
}
