import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { untilSpace } from './disk.js';
import { watchForHang } from './hang.js';
import { identify, isRunning, type ProcessId, signal, waitUntilGone } from './processes.js';
import { type ProcessSpec, serviceSubjects } from './services/service.js';
import type { Progress } from './tools/install.js';

export type ManagedState = 'starting' | 'running' | 'restarting' | 'failed' | 'stopped';

export interface ManagedOptions {
  readonly logFile: string;
  readonly say: Progress;
  /** The process changed (a new one, or none): its identity is written down before anyone relies on it. */
  onChange(id: ProcessId | undefined): Promise<void>;
  /** Pause before the first restart; it doubles each time. */
  readonly backoffMs?: number;
  /** Time between two probes of a process that runs. */
  readonly probeEveryMs?: number;
  readonly signal?: AbortSignal;
}

const MAX_LOG_BYTES = 10 * 1024 * 1024;
/** More restarts than this within `RESTART_WINDOW_MS` and it is given up. */
const MAX_RESTARTS = 5;
const RESTART_WINDOW_MS = 60_000;

/** One process of local mode: started, probed until ready, started again if it dies or hangs, stopped. */
export class Managed {
  state: ManagedState = 'stopped';
  restarts = 0;
  private child: ChildProcess | undefined;
  private id: ProcessId | undefined;
  private stopping = false;
  private unwatch: () => void = () => undefined;
  private restartTimes: number[] = [];
  private readonly label: string;

  constructor(
    readonly spec: ProcessSpec,
    private readonly options: ManagedOptions,
  ) {
    this.label = serviceSubjects[spec.name];
  }

  get pid(): number | undefined {
    return this.id?.pid;
  }

  /**
   * Starts it and waits until it is ready.
   * @param crashed whether an earlier supervisor's process of this service died
   * @throws Error with a sentence, the last lines of its log and where the log is, if it ends or takes too long
   */
  async start(crashed: boolean): Promise<void> {
    this.state = 'starting';
    await this.launch(crashed);
    this.state = 'running';
    this.watch();
  }

  private async launch(crashed: boolean): Promise<void> {
    const { spec, options } = this;
    await spec.beforeStart?.(crashed);
    if (existsSync(options.logFile) && statSync(options.logFile).size > MAX_LOG_BYTES)
      renameSync(options.logFile, `${options.logFile}.1`);
    const log = openSync(options.logFile, 'a', 0o600);
    // A group of its own: Ctrl-C in a terminal reaches the supervisor alone, which stops the services in order.
    const child = spawn(spec.command, spec.args, {
      cwd: '/',
      env: spec.env,
      uid: spec.uid,
      gid: spec.gid,
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.child = child;
    await once(child, 'spawn').catch((error: Error) => {
      throw new Error(`${this.label} could not be started (${spec.command}): ${error.message}`, { cause: error });
    });
    this.id = child.pid === undefined ? undefined : await identify(child.pid);
    try {
      await options.onChange(this.id);
      await this.untilReady(child);
    } catch (error) {
      await this.end();
      // It never worked, so it lost nothing: the next start has no crash to speak of.
      if (this.id !== undefined && !(await isRunning(this.id))) await options.onChange(undefined);
      throw error;
    }
  }

  private async untilReady(child: ChildProcess): Promise<void> {
    const deadline = performance.now() + this.spec.readyWithinMs;
    while (!(await this.spec.ready())) {
      this.options.signal?.throwIfAborted();
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`${this.label} ended (${ending(child)}) before it was ready.${this.logTail()}`);
      }
      if (performance.now() > deadline) {
        throw new Error(`${this.label} was not ready after ${this.spec.readyWithinMs / 1000} s.${this.logTail()}`);
      }
      await sleep(30);
    }
  }

  private logTail(): string {
    const lines = readFileSync(this.options.logFile, 'utf8').trimEnd().split('\n').slice(-5);
    return ` Its last lines:\n  ${lines.join('\n  ')}\nThe whole log: ${this.options.logFile}`;
  }

  private watch(): void {
    const { child, id } = this;
    if (child === undefined || id === undefined) return;
    const { say, probeEveryMs } = this.options;
    let hung = false;
    const kill = (seconds: number) => {
      hung = true;
      say(`${this.label} has not answered for ${seconds} s and is killed.`);
      signal(-id.pid, 'SIGKILL');
    };
    const hangs = watchForHang(id, () => this.spec.alive(), kill, probeEveryMs);
    this.unwatch = hangs.stop;
    const died = () => {
      hangs.stop();
      if (this.stopping) return;
      this.restart(hung ? 'it hung' : ending(child)).catch((error: Error) => {
        this.state = 'failed';
        say(`${this.label} can't be started again: ${error.message}. Stop and start local mode.`);
      });
    };
    if (child.exitCode !== null || child.signalCode !== null) died();
    else child.once('exit', died);
  }

  private async restart(how: string): Promise<void> {
    const { say, backoffMs = 250, logFile } = this.options;
    this.state = 'restarting';
    // What dies of a full disk is not given up: it has done nothing wrong.
    const what = `${this.label} ended (${how})`;
    if (await untilSpace(dirname(logFile), say, what, () => this.stopping)) this.restartTimes = [];
    if (this.stopping) return;
    const now = performance.now();
    this.restartTimes = [...this.restartTimes.filter((time) => now - time < RESTART_WINDOW_MS), now];
    if (this.restartTimes.length > MAX_RESTARTS) {
      this.state = 'failed';
      say(
        `${this.label} died ${this.restartTimes.length} times within a minute and is not started again. See ${logFile}, then stop and start local mode.`,
      );
      return;
    }
    say(`${this.label} ended unexpectedly (${how}); starting it again.`);
    await sleep(backoffMs * 2 ** (this.restartTimes.length - 1));
    if (this.stopping) return;
    try {
      await this.launch(true);
      this.restarts += 1;
      this.state = 'running';
      say(`${this.label} runs again.`);
      this.watch();
    } catch (error) {
      if (!this.stopping) await this.restart(error instanceof Error ? error.message : String(error));
    }
  }

  /**
   * Asks it to stop, kills its group if it does not in time.
   * @returns whether it ended by itself, so what it keeps is whole
   */
  async stop(): Promise<boolean> {
    this.stopping = true;
    this.unwatch();
    const clean = await this.end();
    this.state = 'stopped';
    return clean;
  }

  private async end(): Promise<boolean> {
    const { child, id, spec } = this;
    if (child === undefined || id === undefined || child.exitCode !== null || child.signalCode !== null) return false;
    signal(id.pid, spec.stopSignal);
    const clean = await waitUntilGone(id, spec.stopWithinMs);
    if (!clean) this.options.say(`${this.label} did not stop within ${spec.stopWithinMs / 1000} s and is killed.`);
    // Whatever of its group is left, even after a clean end of its leader.
    signal(-id.pid, 'SIGKILL');
    await waitUntilGone(id, 5_000);
    if (clean) await this.options.onChange(undefined);
    return clean;
  }
}

function ending(child: ChildProcess): string {
  return child.signalCode ?? `code ${child.exitCode}`;
}
