import type { Context } from '../context.js';
import { imageNotFound } from './containers.js';
import { logFile, modelDir } from './files.js';
import { ServedProcess } from './served-process.js';
import type { DeployedVariant, Deployment } from './types.js';

/**
 * Processes that one variant gets at most, whatever its instance count: a laptop is one machine. Describe still
 * reports the count that was asked for.
 */
const MAX_PROCESSES = 4;

/** A deployment that did not come up; `message` is the endpoint's FailureReason. */
export class DeploymentFailure extends Error {
  override readonly name = 'DeploymentFailure';
}

/** All processes of one deployment. It takes traffic only after `start` has resolved. */
export class Fleet {
  readonly #processes = new Map<string, readonly ServedProcess[]>();
  #starting: Promise<unknown> = Promise.resolve();
  #stopping = false;

  constructor(
    readonly ctx: Context,
    readonly endpoint: string,
    readonly deployment: Deployment,
  ) {}

  /**
   * Fetches the models, starts every process and waits until each answers /ping. Throws DeploymentFailure, with
   * nothing left running, if one of them doesn't.
   */
  async start(): Promise<void> {
    if (this.deployment.canned) return;
    this.#starting = Promise.allSettled(this.deployment.variants.map((variant) => this.#startVariant(variant)));
    const outcomes = (await this.#starting) as PromiseSettledResult<void>[];
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (!failed && !this.#stopping) return;
    await this.stop();
    throw failed?.reason ?? new DeploymentFailure(`The deployment of endpoint ${this.endpoint} was stopped.`);
  }

  /** The least busy healthy process of a variant, or undefined while there is none. */
  pick(variant: string): ServedProcess | undefined {
    const healthy = (this.#processes.get(variant) ?? []).filter((process) => process.url !== undefined);
    return healthy.reduce<ServedProcess | undefined>(
      (best, process) => (best === undefined || process.inFlight < best.inFlight ? process : best),
      undefined,
    );
  }

  /** Every process, for whoever watches over them. */
  get processes(): ServedProcess[] {
    return [...this.#processes.values()].flat();
  }

  /** Whether one of its programs has ended without being told to. */
  get crashed(): boolean {
    return this.processes.some((process) => process.crashed);
  }

  /** Resolves when no request is in flight in any process. Only after the traffic has been taken away. */
  async drain(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.drained()));
  }

  /** Ends all processes, those that are still starting too. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.processes.map((process) => process.stop()));
    await this.#starting;
    await Promise.all(this.processes.map((process) => process.stop()));
  }

  async #startVariant(variant: DeployedVariant): Promise<void> {
    const model = await modelDir(this.ctx, this.endpoint, this.deployment, variant).catch((cause: Error) => {
      throw new DeploymentFailure(cause.message, { cause });
    });
    // Looked up anew, so that an endpoint of an earlier start finds its image where it is now.
    const found = this.ctx.images.find(variant.image);
    if (found === undefined) throw new DeploymentFailure(imageNotFound(this.ctx, variant.image).message);
    const image = await this.ctx.images.prepare(found).catch((cause: Error) => {
      throw new DeploymentFailure(`The image of production variant ${variant.name} can't be used: ${cause.message}`, {
        cause,
      });
    });
    if (this.#stopping) return;
    const count = Math.min(variant.instanceCount, MAX_PROCESSES);
    const processes = Array.from(
      { length: count },
      (_, index) =>
        new ServedProcess(this.ctx, {
          image,
          instanceType: variant.instanceType,
          modelDir: model,
          env: variant.environment,
          logFile: logFile(this.ctx, this.endpoint, this.deployment, variant.name, index),
          startupTimeoutMs: variant.startupTimeoutMs,
          withoutCredentials: variant.isolated,
        }),
    );
    this.#processes.set(variant.name, processes);
    const outcomes = await Promise.allSettled(processes.map((process) => process.start()));
    const failed = outcomes.findIndex((outcome) => outcome.status === 'rejected');
    if (failed < 0) return;
    const cause = (outcomes[failed] as PromiseRejectedResult).reason as Error;
    throw new DeploymentFailure(
      `The primary container for production variant ${variant.name} did not pass the ping health check. ` +
        `Please check the log of this endpoint: ${cause.message}`,
      { cause },
    );
  }
}
