import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../context.js';
import { modelDataUrl, servingContainer } from '../endpoints/containers.js';
import type { ContainerDefinition, ModelRecord } from '../endpoints/types.js';
import { NO_CAPACITY, pause } from '../faults.js';
import { resolveInput, shard, type InputFile } from '../inputs.js';
import { checkKey } from '../kms.js';
import { untilStored } from '../persist.js';
import { pruneLogs } from '../runtime/log-file.js';
import { fetchModel } from '../runtime/model-dir.js';
import { SERVE_GRACE_MS, startServing } from '../runtime/serve.js';
import { s3Uri } from '../s3.js';
import { now } from '../time.js';
import { ObjectFailure } from './failure.js';
import { openDataLog, transformLogRoot, transformLogs } from './logs.js';
import { executionParameters } from './model-client.js';
import { transformObject } from './object.js';
import { move, save } from './record.js';
import type { TransformJob } from './types.js';

/** AWS: the model may take this long until its first answered ping. */
const STARTUP_TIMEOUT_MS = 8 * 60_000;

/** A failure whose text is the job's FailureReason. */
class JobFailure extends Error {}

/** One transform job from its model's start to its last output. */
export class TransformRun {
  /** Resolves when the job has ended, or was left for the next start to take up. */
  readonly done: Promise<void>;
  readonly #over = new AbortController();
  readonly #closing = new AbortController();
  #ending: 'stop' | 'shutdown' | undefined;

  constructor(
    private readonly ctx: Context,
    private readonly job: TransformJob,
    private readonly model: ModelRecord,
  ) {
    this.done = this.#run();
  }

  /** StopTransformJob: Stopping at once, Stopped when the program has gone. */
  stop(): void {
    if (this.#ending) return;
    this.#ending = 'stop';
    move(this.ctx, this.job, 'Stopping');
    this.#over.abort();
  }

  /** Leaves the job as it is, for the next start. */
  async shutDown(): Promise<void> {
    this.#ending = 'shutdown';
    this.#over.abort();
    this.#closing.abort();
    await this.done;
  }

  /** A server that goes down waits for nobody; the next start begins the job again. */
  get #graceMs(): number {
    return this.#ending === 'shutdown' ? 0 : SERVE_GRACE_MS;
  }

  get #dir(): string {
    return join(this.ctx.config.stateDir, 'transform', this.job.TransformJobName);
  }

  async #run(): Promise<void> {
    let failure: unknown;
    try {
      await this.#work();
    } catch (error) {
      failure = error;
    }
    await rm(this.#dir, { recursive: true, force: true });
    await untilStored(
      () => this.#end(failure),
      (error) => this.#log(error, "a transform job's end can't be stored yet"),
      this.#closing.signal,
    );
    await pruneLogs(transformLogRoot(this.ctx));
  }

  #end(failure: unknown): void {
    if (this.#ending === 'shutdown') return;
    if (this.#ending === 'stop') return move(this.ctx, this.job, 'Stopped');
    if (failure === undefined) return move(this.ctx, this.job, 'Completed');
    this.#log(failure, 'transform job failed');
    const head = failure instanceof JobFailure ? '' : 'InternalServerError: We encountered an internal error: ';
    move(this.ctx, this.job, 'Failed', head + (failure instanceof Error ? failure.message : String(failure)));
  }

  #log(error: unknown, text: string): void {
    this.ctx.log.warn({ err: error, transformJob: this.job.TransformJobName }, text);
  }

  /** What a control rule has in store, before anything is looked at. */
  async #meetFault(): Promise<void> {
    const fault = this.job.plan?.fault;
    if (!fault) return;
    await pause(fault, this.ctx.control, this.#over.signal);
    if (fault.action === 'fail') throw new JobFailure(fault.reason ?? 'AlgorithmError: failed by a control rule');
    if (fault.action === 'capacity') throw new JobFailure(fault.reason ?? `CapacityError: ${NO_CAPACITY}`);
    if (fault.action === 'stop') this.stop();
  }

  async #work(): Promise<void> {
    await this.#meetFault();
    this.#over.signal.throwIfAborted();
    if (this.job.plan?.canned) return;
    await this.#checkKeys();
    const container = servingContainer(this.model);
    const image = await this.#image(container.Image);
    const files = await this.#inputs();
    const modelDir = join(this.#dir, 'model');
    await this.#fetch(container, modelDir);
    this.job.state.TransformStartTime = now();
    save(this.ctx, this.job);
    const instances = this.job.request.TransformResources?.InstanceCount ?? 1;
    const failures = await Promise.all(
      Array.from({ length: Math.min(instances, files.length) }, (_, index) =>
        this.#instance(index, shard(files, index, instances), { image, modelDir, container }),
      ),
    );
    const [first] = failures.flat();
    if (first) throw first;
  }

  /** One instance: its own program, its share of the objects. Goes on after an object that fails, as AWS does. */
  async #instance(
    index: number,
    files: readonly InputFile[],
    model: { image: string; modelDir: string; container: ContainerDefinition },
  ): Promise<JobFailure[]> {
    const { url, container } = await this.#serve(index, model);
    const stop = (): void => void container.stop(this.#graceMs);
    this.#over.signal.addEventListener('abort', stop, { once: true });
    const failures: JobFailure[] = [];
    const log = openDataLog(this.ctx, this.job.TransformJobName, index);
    try {
      const parameters = await executionParameters(url, this.job.request);
      log.parameters(parameters);
      for (const [position, input] of files.entries()) {
        this.#over.signal.throwIfAborted();
        const file = join(this.#dir, `output-${index}`, String(position));
        await transformObject(this.ctx, this.job.request, input, { url, parameters }, file, this.#over.signal).catch(
          (error: Error) => {
            const kind = error instanceof ObjectFailure ? error.kind : 'ClientError';
            log.failed(input.object, kind, error);
            const text = `${kind}: See job logs for more information. ${s3Uri(input.object)}: ${error.message}`;
            failures.push(new JobFailure(text, { cause: error }));
          },
        );
      }
    } finally {
      this.#over.signal.removeEventListener('abort', stop);
      log.close();
      await container.stop(this.#graceMs);
    }
    return failures;
  }

  async #serve(
    index: number,
    model: { image: string; modelDir: string; container: ContainerDefinition },
  ): ReturnType<typeof startServing> {
    try {
      return await startServing(this.ctx, {
        image: model.image,
        instanceType: this.job.request.TransformResources?.InstanceType,
        modelDir: model.modelDir,
        env: { ...model.container.Environment, ...this.job.request.Environment, SAGEMAKER_BATCH: 'true' },
        logFile: transformLogs(this.ctx, this.job.TransformJobName, index).program,
        startupTimeoutMs: STARTUP_TIMEOUT_MS,
        withoutCredentials: this.model.EnableNetworkIsolation === true,
        signal: this.#over.signal,
      });
    } catch (error) {
      throw new JobFailure(`AlgorithmError: ${(error as Error).message}`, { cause: error });
    }
  }

  async #image(uri: string): Promise<string> {
    const found = this.ctx.images.find(uri);
    if (!found) {
      throw new JobFailure(
        `ClientError: Cannot pull the image "${uri}": it has no folder on this machine; map it in SAGEMAKER_LOCAL_IMAGES`,
      );
    }
    return this.ctx.images.prepare(found, undefined, this.#over.signal).catch((cause: Error) => {
      this.#over.signal.throwIfAborted();
      throw new JobFailure(`ClientError: Cannot pull the image "${uri}": ${cause.message}`, { cause });
    });
  }

  async #checkKeys(): Promise<void> {
    const { TransformResources, TransformOutput } = this.job.request;
    const keys = [
      [TransformResources?.VolumeKmsKeyId, 'volume'],
      [TransformOutput?.KmsKeyId, 'output'],
    ] as const;
    for (const [key, purpose] of keys) {
      const refused = key ? await checkKey(this.ctx, key, purpose) : undefined;
      if (refused) throw new JobFailure(refused);
    }
  }

  async #inputs(): Promise<InputFile[]> {
    const source = this.job.request.TransformInput?.DataSource?.S3DataSource;
    try {
      return await resolveInput(
        this.ctx.s3,
        { S3DataType: String(source?.S3DataType), S3Uri: String(source?.S3Uri) },
        this.#over.signal,
      );
    } catch (error) {
      throw new JobFailure(`ClientError: ${(error as Error).message}`, { cause: error });
    }
  }

  async #fetch(container: ContainerDefinition, modelDir: string): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
    await mkdir(modelDir, { recursive: true });
    const url = modelDataUrl(container);
    if (url === undefined) return;
    try {
      await fetchModel(this.ctx, url, modelDir, this.#over.signal);
    } catch (error) {
      throw new JobFailure(`ClientError: ${(error as Error).message}`, { cause: error });
    }
  }
}
