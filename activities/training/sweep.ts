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

/** The two calls that a sweep makes. */
export interface JobSource<Detail> {
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

/**
 * Follows all training jobs that a worker waits for with one listing of what changed, instead of one call a job: calls follow what
 * changed, not what waits. A job that the listing doesn't show is unchanged. Callers share a listing under way.
 */
export class TrainingSweep<Detail> {
  private readonly jobs = new Map<string, Known>();
  private readonly options: Required<SweepOptions>;
  private listing: Promise<void> | undefined;
  private listedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly source: JobSource<Detail>,
    options: SweepOptions = {},
  ) {
    this.options = {
      spacingMs: 500,
      overlapMs: 60_000,
      recheckMs: 6 * 3_600_000,
      forgetMs: 2 * 3_600_000,
      now: Date.now,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      ...options,
    };
  }

  /** State of a job, at most `maxAgeMs` old. A job not known yet is described; errors of the calls are thrown as they are. */
  async status(name: string, maxAgeMs: number): Promise<JobView<Detail>> {
    const { now, recheckMs } = this.options;
    const first = this.jobs.get(name);
    if (!first || now() - first.describedAt > recheckMs) return this.describe(name);
    first.askedAt = now();
    if (now() - first.lookedAt >= maxAgeMs) await this.refresh();
    const known = this.jobs.get(name);
    if (!known || !RUNNING.has(known.status)) return this.describe(name);
    return this.view(known);
  }

  /** Asks for the job itself, whatever is known of it. */
  async describe(name: string): Promise<JobView<Detail>> {
    const { now } = this.options;
    this.jobs.delete(name);
    const { detail, at, ...job } = await this.source.describe(name);
    const known: Known = { ...job, asOf: at, lookedAt: now(), describedAt: now(), askedAt: now() };
    // One at its end is not kept: a repeated question about it is a new one.
    if (RUNNING.has(known.status)) this.jobs.set(name, known);
    return { ...this.view(known), detail };
  }

  /** Joins the listing under way, or starts one. */
  private refresh(): Promise<void> {
    this.listing ??= this.list().finally(() => {
      this.listing = undefined;
    });
    return this.listing;
  }

  private async list(): Promise<void> {
    const { now, sleep, spacingMs, overlapMs } = this.options;
    const wait = this.listedAt + spacingMs - now();
    if (wait > 0) await sleep(wait);
    this.listedAt = now();
    this.forget();
    const covered = new Map(this.jobs);
    // All that waited may have ended during the pause.
    if (covered.size === 0) return;
    const lookedAt = now();
    // From the oldest knowledge on, so that no job's change falls between two looks; all times are SageMaker's own.
    const oldest = Math.min(...[...covered.values()].map(({ asOf }) => asOf));
    const { jobs, at } = await this.source.listChanged(oldest - overlapMs);
    for (const known of covered.values()) Object.assign(known, { asOf: Math.max(at, known.asOf), lookedAt });
    for (const job of jobs) Object.assign(covered.get(job.name) ?? {}, job);
  }

  private forget(): void {
    const { now, forgetMs } = this.options;
    for (const [name, { askedAt }] of this.jobs) if (now() - askedAt > forgetMs) this.jobs.delete(name);
  }

  private view(known: Known): JobView<Detail> {
    return {
      status: known.status,
      ...(known.secondary !== undefined && { secondary: known.secondary }),
      forMs: Math.max(0, known.asOf - (known.modified ?? known.asOf)),
      ageMs: this.options.now() - known.lookedAt,
    };
  }
}
