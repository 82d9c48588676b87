import {
  type JobSource,
  type ListedJob,
  type SweepOptions,
  TrainingSweep,
} from '../../../activities/training/sweep.js';

/** Jobs with a clock that only the test moves. */
export class FakeJobs implements JobSource<string> {
  /** SageMaker's clock is an hour ahead of ours. */
  static readonly SKEW = 3_600_000;
  now = 1_000_000;
  readonly jobs = new Map<string, ListedJob>();
  readonly described: string[] = [];
  readonly listedFrom: number[] = [];
  readonly slept: number[] = [];
  /** Resolves listings; they answer at once without it. */
  gate: Promise<void> | undefined;
  /** What the calls are refused with. */
  error: Error | undefined;
  describeError: Error | undefined;

  isThrottled(error: unknown): boolean {
    return error instanceof Error && error.message === 'Rate exceeded';
  }

  set(name: string, status: string, secondary?: string): void {
    this.jobs.set(name, { name, status, secondary, modified: this.now + FakeJobs.SKEW });
  }

  async describe(name: string) {
    this.described.push(name);
    if (this.describeError) throw this.describeError;
    const job = this.jobs.get(name);
    if (!job) throw new Error(`${name} is gone`);
    return { ...job, at: this.now + FakeJobs.SKEW, detail: `all about ${name}` };
  }

  async listChanged(after: number) {
    this.listedFrom.push(after);
    const at = this.now + FakeJobs.SKEW;
    const jobs = [...this.jobs.values()].filter(({ modified = 0 }) => modified > after);
    await this.gate;
    if (this.error) throw this.error;
    return { jobs, at };
  }

  sweep(options: SweepOptions = {}): TrainingSweep<string> {
    const sleep = (ms: number) => {
      this.slept.push(ms);
      this.now += ms;
      return Promise.resolve();
    };
    return new TrainingSweep(this, { now: () => this.now, sleep, ...options });
  }
}
