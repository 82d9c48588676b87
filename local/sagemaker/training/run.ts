import type { Context } from '../context.js';
import { untilStored } from '../persist.js';
import { pruneLogs } from '../runtime/log-file.js';
import { startCheckpoints, type CheckpointSync } from './checkpoints.js';
import { JobFailure, messageOf, uploadFailed } from './failure.js';
import { meetFault } from './faults.js';
import { prepareMounts } from './file-systems.js';
import { downloadChannels } from './input.js';
import { createMetricReader } from './metrics.js';
import { failureOf, hasModel, uploadArtifacts, uploadEmptyModel } from './output.js';
import { provision, runPrograms } from './programs.js';
import { complete, enter, explain, fail, save, type Stage } from './record.js';
import type { TrainingJob, Verdict } from './types.js';
import { hostsOf, layOut, logRoot, removeWorkspace, type Host } from './workspace.js';

/** Node's timers hold 24.8 days at most; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const RESUMED = 'Downloading input data again: the local SageMaker was restarted while the job ran';

/** Why a run ends before its program does. `stop` and `runtime` give the program its grace, the others do not. */
type Interruption =
  { readonly kind: 'stop' | 'runtime' | 'shutdown' } | { readonly kind: 'verdict'; readonly verdict: Verdict };

/** One job on its way from Starting to its end. */
export class TrainingRun {
  /** Resolves when the job has ended, or was left for the next start to take up. */
  readonly done: Promise<void>;
  readonly #soft = new AbortController();
  readonly #hard = new AbortController();
  readonly #closing = new AbortController();
  readonly #hosts: Host[];
  readonly #metrics;
  #interruption: Interruption | undefined;

  constructor(
    private readonly ctx: Context,
    private readonly job: TrainingJob,
    private readonly options: { readonly resumed: boolean },
  ) {
    this.#hosts = hostsOf(ctx, job);
    this.#metrics = createMetricReader(job.request);
    this.done = this.#run();
  }

  /** StopTrainingJob: the job is Stopping at once, and Stopped when its program has gone. */
  stop(): void {
    if (this.#interruption) return;
    this.#move('Stopping');
    this.#interrupt({ kind: 'stop' });
  }

  /** MaxRuntimeInSeconds is over: as a stop, but for the status at the end. */
  #expire(): void {
    if (this.#interruption) return;
    this.#move('Stopping');
    this.#interrupt({ kind: 'runtime' });
  }

  /** Ends the job at once as told. */
  async decide(verdict: Verdict): Promise<void> {
    this.#interrupt({ kind: 'verdict', verdict });
    await this.done;
  }

  /** Ends the program at once and leaves the job as it is, for the next start. */
  async shutDown(): Promise<void> {
    this.#interrupt({ kind: 'shutdown' });
    this.#closing.abort();
    await this.done;
  }

  #interrupt(interruption: Interruption): void {
    if (this.#hard.signal.aborted) return;
    this.#interruption = interruption;
    this.#soft.abort();
    if (interruption.kind === 'verdict' || interruption.kind === 'shutdown') this.#hard.abort();
  }

  #move(stage: Stage, message?: string): void {
    const before = structuredClone(this.job.state);
    try {
      enter(this.job, stage, message);
      save(this.ctx, this.job);
    } catch (error) {
      // What could not be stored has not happened.
      this.job.state = before;
      throw error;
    }
  }

  #meet(stage: Stage): Promise<void> {
    return meetFault(this.ctx, this.job, stage, { signal: this.#soft.signal, stop: () => this.stop() });
  }

  async #run(): Promise<void> {
    let failure: unknown;
    try {
      await this.#work();
    } catch (error) {
      failure = error;
    }
    if (this.#interruption?.kind === 'verdict' && this.#interruption.verdict.action === 'complete') {
      failure = await uploadEmptyModel(this.ctx, this.job).catch((error: unknown) => error);
    }
    // First, as it may be what fills the disk that the end is written to.
    await removeWorkspace(this.ctx, this.job.TrainingJobName);
    await this.#end(failure);
    await pruneLogs(logRoot(this.ctx));
  }

  /** All stages. Returns when the job ended well or was interrupted, throws otherwise. */
  async #work(): Promise<void> {
    await this.#meet('Starting');
    const canned = this.job.plan?.canned === true;
    const say = (line: string): void => explain(this.ctx, this.job, line);
    const image = canned ? '' : await provision(this.ctx, this.job, { say, signal: this.#soft.signal });
    const deadline = setTimeout(
      () => this.#expire(),
      Math.min(Number(this.job.request.StoppingCondition?.MaxRuntimeInSeconds) * 1000, LONGEST_TIMER_MS),
    );
    try {
      this.#soft.signal.throwIfAborted();
      if (canned) return await this.#pretend();
      this.#move('Downloading', this.options.resumed ? RESUMED : undefined);
      await this.#meet('Downloading');
      const checkpoints = await this.#download();
      try {
        await this.#train(image, checkpoints);
        clearTimeout(deadline);
        await this.#upload(checkpoints);
      } finally {
        await checkpoints.cancel();
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  /** A job that a control rule decided: its stages, with an empty artefact. They are stored where something waits in them. */
  async #pretend(): Promise<void> {
    for (const stage of ['Downloading', 'Training', 'Uploading'] as const) {
      enter(this.job, stage);
      await this.#meet(stage);
    }
    await uploadEmptyModel(this.ctx, this.job).catch((cause: unknown) => {
      throw new JobFailure(uploadFailed(cause), { cause });
    });
  }

  async #train(image: string, checkpoints: CheckpointSync): Promise<void> {
    this.#soft.signal.throwIfAborted();
    this.#move('Training');
    await this.#meet('Training');
    const exits = await runPrograms(this.ctx, this.job, this.#hosts, {
      image,
      soft: this.#soft.signal,
      hard: this.#hard.signal,
      onLine: (line) => this.#metrics.line(line),
    });
    this.#hard.signal.throwIfAborted();
    const reason = this.#interruption ? undefined : await failureOf(this.#hosts, exits);
    if (reason === undefined) return;
    await checkpoints.finish().catch((error: unknown) => this.#log(error, 'checkpoints of a failed job not synced'));
    throw new JobFailure(reason);
  }

  async #download(): Promise<CheckpointSync> {
    try {
      await layOut(this.ctx, this.job, this.#hosts);
      await prepareMounts(this.ctx, this.job.request, this.#hosts);
      await downloadChannels(this.ctx, this.job, this.#hosts, this.#soft.signal);
      return await startCheckpoints(this.ctx, this.job, this.#hosts, this.#soft.signal);
    } catch (error) {
      throw new JobFailure(`ClientError: Data download failed:${messageOf(error)}`, { cause: error });
    }
  }

  async #upload(checkpoints: CheckpointSync): Promise<void> {
    if (!this.#interruption) {
      this.#move('Uploading');
      await this.#meet('Uploading');
    }
    try {
      await checkpoints.finish();
      if (this.#interruption && !(await hasModel(this.#hosts))) return;
      await uploadArtifacts(this.ctx, this.job, this.#hosts, this.#hard.signal);
    } catch (error) {
      throw new JobFailure(uploadFailed(error), { cause: error });
    }
  }

  /** Writes the job's end, which an interruption decides before anything else does. */
  async #end(failure: unknown): Promise<void> {
    const { job } = this;
    const interruption = this.#interruption;
    if (interruption?.kind === 'shutdown') return;
    const metrics = this.#metrics.final();
    if (metrics.length > 0) job.state.FinalMetricDataList = metrics;
    if (interruption?.kind === 'verdict') {
      if (interruption.verdict.action === 'complete' && failure === undefined) complete(job);
      else if (interruption.verdict.action === 'complete') fail(job, uploadFailed(failure));
      else fail(job, interruption.verdict.reason ?? 'AlgorithmError: failed by the control surface, exit code: 1');
    } else if (interruption) {
      if (failure && !isAbort(failure)) this.#log(failure, 'a stopped training job could not upload what it had');
      enter(job, interruption.kind === 'runtime' ? 'MaxRuntimeExceeded' : 'Stopped');
    } else if (failure === undefined) {
      complete(job);
    } else {
      this.#log(failure, 'training job failed');
      fail(
        job,
        failure instanceof JobFailure
          ? failure.message
          : `InternalServerError: We encountered an internal error: ${messageOf(failure)}`,
      );
    }
    await untilStored(
      () => save(this.ctx, job),
      (error) => this.#log(error, "a training job's end can't be stored yet"),
      this.#closing.signal,
    );
  }

  #log(error: unknown, text: string): void {
    this.ctx.log.warn({ err: error, trainingJob: this.job.TrainingJobName }, text);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
