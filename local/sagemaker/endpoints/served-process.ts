import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerSpec, Context, Exit, RunningContainer } from '../context.js';
import { SERVE_GRACE_MS, startServing, type ServingSpec } from '../runtime/serve.js';

const FIRST_BACKOFF_MS = 200;
const LONGEST_BACKOFF_MS = 30_000;
/** What a program that has ended had answered is still read for so long. */
const LAST_BYTES_MS = 1_000;
/** A process that lived this long starts its backoff anew. */
const STEADY_MS = 60_000;

/**
 * One `serve` program, standing for one instance of a variant. It counts the requests it is answering, so that it is
 * only stopped when it has none, and comes back by itself when the program dies.
 */
export class ServedProcess {
  #agent = new Agent({ keepAlive: true });
  readonly #ctx: Context;
  readonly #spec: ServingSpec;
  readonly #stopped = new AbortController();
  #container: RunningContainer | undefined;
  #url: string | undefined;
  #restarting: Promise<void> | undefined;
  #ended: Promise<Exit> | undefined;
  #failures = 0;
  #crashed = false;
  #inFlight = 0;
  #idle: (() => void)[] = [];

  constructor(ctx: Context, spec: ServingSpec) {
    this.#ctx = ctx;
    this.#spec = spec;
  }

  /** Starts the program and waits until it answers /ping. Throws if it exits or is too late; then nothing is left. */
  async start(): Promise<void> {
    const startedAt = Date.now();
    const { url, container } = await startServing(
      { config: this.#ctx.config, sandbox: { start: this.#launch } },
      this.#spec,
    );
    if (this.#stopped.signal.aborted) throw new Error(`the program was stopped while it started: see ${this.logFile}`);
    this.#url = url;
    const agent = (this.#agent = new Agent({ keepAlive: true }));
    void container.ended.then(() => {
      this.#url = undefined;
      // A container's connections may stay open when its network goes: what waits for them is not to wait for good.
      setTimeout(() => agent.destroy(), LAST_BYTES_MS).unref();
    });
    void container.exited.then((exit) => {
      if (this.#stopped.signal.aborted) return;
      this.#crashed = true;
      this.#ctx.log.warn({ exit, logFile: this.logFile }, 'a serving program ended by itself; starting it again');
      this.#restarting = this.#restart(Date.now() - startedAt >= STEADY_MS);
    });
  }

  /** Keeps hold of the program while it is not healthy yet, so that `stop` can end it. */
  readonly #launch = async (spec: ContainerSpec): Promise<RunningContainer> => {
    this.#container = await this.#ctx.sandbox.start(spec);
    if (this.#stopped.signal.aborted) await this.#container.stop(0);
    return this.#container;
  };

  /** Keep-alive connections to the program that runs now: they end with it. */
  get agent(): Agent {
    return this.#agent;
  }

  /** Base URL while the program answers, else undefined. */
  get url(): string | undefined {
    return this.#url;
  }

  /** Whether the program has ever ended by itself. */
  get crashed(): boolean {
    return this.#crashed;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get logFile(): string {
    return this.#spec.logFile;
  }

  /** Counts a request in; the function returned counts it out again. */
  lease(): () => void {
    this.#inFlight += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#inFlight -= 1;
      if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
    };
  }

  /** Resolves when no request is in flight. The caller sends no new ones. */
  drained(): Promise<void> {
    return this.#inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Ends the program for good. Resolves once all its processes are gone. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    // A program that isn't healthy yet has nothing to finish, and may not even listen to SIGTERM so early.
    const graceMs = this.#url === undefined ? 0 : SERVE_GRACE_MS;
    this.#url = undefined;
    this.#ended ??= this.#container?.stop(graceMs);
    await this.#ended;
    await this.#restarting;
    this.#agent.destroy();
  }

  async #restart(wasSteady: boolean): Promise<void> {
    if (wasSteady) this.#failures = 0;
    while (!this.#stopped.signal.aborted) {
      const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures, LONGEST_BACKOFF_MS);
      this.#failures += 1;
      try {
        await sleep(backoff, undefined, { signal: this.#stopped.signal });
        await this.start();
        return;
      } catch (error) {
        if (this.#stopped.signal.aborted) return;
        this.#ctx.log.warn({ err: error, logFile: this.logFile }, 'a serving program did not come up again');
      }
    }
  }
}
