import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ENGINE_NAMES, type EngineName } from '../engine/engine.js';
import { findEngine } from '../engine/find.js';
import { makeStateDir } from './files.js';
import { stopLeftovers } from './leftovers.js';
import { acquire } from './lock.js';
import { Managed } from './managed.js';
import { AlreadyRunning, type StartOptions } from './options.js';
import { choosePorts, type PortName, type Ports } from './ports.js';
import { ministackService } from './services/ministack.js';
import { postgresService } from './services/postgres.js';
import { redshiftService, redshiftTrust } from './services/redshift.js';
import { sagemakerService } from './services/sagemaker.js';
import { type ProcessSpec, type ServiceContext, type ServiceName, serviceNames } from './services/service.js';
import { stateChangeQueueUrl } from './services/state-changes.js';
import { slackService } from './services/slack.js';
import { temporalService } from './services/temporal.js';
import { workerService } from './services/worker.js';
import { awsEnvironment, type LocalStack, type StackProcess, stackEnvironment, stackUrls } from './stack.js';
import { envFileOf, lockFileOf, logsDirOf, readState, StateFile, writeEnvFile } from './state.js';

const portsOf: Readonly<Record<ServiceName, readonly PortName[]>> = {
  temporal: ['temporal', 'ui'],
  aws: ['aws'],
  postgres: ['postgres'],
  slack: ['slack'],
  sagemaker: ['sagemaker'],
  redshift: ['redshift', 'warehouse'],
  worker: ['workerHealth', 'workerMetrics'],
};

/** What has to be up before a service starts. */
const needs: Readonly<Record<ServiceName, readonly ServiceName[]>> = {
  temporal: [],
  aws: [],
  postgres: [],
  slack: [],
  sagemaker: ['aws'],
  redshift: ['postgres'],
  worker: ['temporal', 'aws', 'postgres', 'slack', 'sagemaker', 'redshift'],
};

/**
 * Starts local mode and resolves once every service answers.
 *
 * Installs what is missing on first use. What dies is started again. If a start fails, everything it had started is stopped.
 * @throws AlreadyRunning if it runs in this folder; Error with a sentence for a taken port, a missing Python, a state that is not whole
 */
export async function startLocal(options: StartOptions): Promise<LocalStack> {
  const stateDir = resolve(options.stateDir);
  await makeStateDir(stateDir);
  const lock = await acquire(lockFileOf(stateDir));
  if ('owner' in lock) throw new AlreadyRunning(lock.owner.pid, stateDir);
  const supervisor = new Supervisor(stateDir, options);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= supervisor.stop().finally(() => lock.release()));
  try {
    return { ...(await supervisor.start()), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

class Supervisor {
  private readonly say: (line: string) => void;
  /** In the order in which they were started. */
  private readonly managed: Managed[] = [];
  private databaseUrl: string | undefined;
  private trust: string | undefined;

  constructor(
    private readonly stateDir: string,
    private readonly options: StartOptions,
  ) {
    this.say = options.onProgress ?? (() => undefined);
  }

  async start(): Promise<Omit<LocalStack, 'stop'>> {
    const { stateDir, options, say } = this;
    const { services = serviceNames, worker = true } = options;
    const names = serviceNames.filter((name) => services.includes(name) && (worker || name !== 'worker'));
    await mkdir(logsDirOf(stateDir), { recursive: true });
    const known = await readState(stateDir, say);
    const state = new StateFile(stateDir, known);
    const left = await stopLeftovers(state);
    if (left.length > 0) say(`Stopped what an earlier start left running: ${left.join(', ')}.`);
    const needed = names.flatMap((name) => portsOf[name]);
    const ports = await choosePorts(options.ports ?? {}, known.ports, needed, say);
    await state.setPorts(ports);

    const up = new Map<ServiceName, Promise<void>>();
    for (const name of names) {
      const before = needs[name].map((other) => up.get(other));
      up.set(
        name,
        Promise.all(before).then(async () => {
          const spec = await this.describe(name, ports);
          options.signal?.throwIfAborted();
          await this.launch(spec, state);
        }),
      );
    }
    // All of them come to rest first, so that a failed start leaves nothing that is still on its way up.
    const failure = (await Promise.allSettled(up.values())).find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;

    const urls = stackUrls(ports, this.databaseUrl);
    const env = stackEnvironment(urls, this.trust);
    await writeEnvFile(stateDir, env);
    return { env, urls, stateDir, logsDir: logsDirOf(stateDir), processes: () => this.processes() };
  }

  private async describe(name: ServiceName, ports: Partial<Ports>): Promise<ProcessSpec> {
    const dir = join(this.stateDir, name);
    await mkdir(dir, { recursive: true });
    const { persist = true, signal } = this.options;
    const ctx: ServiceContext = { dir, persist, say: this.say, signal };
    const port = (of: PortName): number => ports[of] ?? 0;
    const urls = stackUrls(ports, this.databaseUrl);
    switch (name) {
      case 'temporal':
        return temporalService(ctx, { port: port('temporal'), uiPort: port('ui') });
      case 'aws':
        return ministackService(ctx, port('aws'));
      case 'postgres': {
        const { spec, url } = await postgresService(ctx, port('postgres'));
        this.databaseUrl = url;
        return spec;
      }
      case 'slack':
        return slackService(ctx, port('slack'));
      case 'sagemaker':
        return sagemakerService(ctx, port('sagemaker'), awsEnvironment(urls), await this.engine());
      case 'redshift':
        this.trust = await redshiftTrust(dir);
        return redshiftService(
          ctx,
          { control: port('redshift'), sql: port('warehouse') },
          this.databaseUrl ?? '',
          awsEnvironment(urls),
        );
      case 'worker':
        return workerService(
          { health: port('workerHealth'), metrics: port('workerMetrics'), ui: port('ui') },
          { ...stackEnvironment(urls, this.trust), WORKER_EVENTS_QUEUE_URL: stateChangeQueueUrl(urls.aws ?? '') },
        );
    }
  }

  /** The container engine for programs, which answers; undefined if none is asked for. Throws Error with a sentence. */
  private async engine(): Promise<EngineName | undefined> {
    const wanted = this.options.engine ?? (process.env.SAGEMAKER_LOCAL_ENGINE || undefined);
    if (wanted === undefined) return undefined;
    const known = [...ENGINE_NAMES, 'auto'] as const;
    const name = known.find((one) => one === wanted);
    if (!name) throw new Error(`SAGEMAKER_LOCAL_ENGINE is "${wanted}": it must be ${known.join(', ')}, or not set.`);
    const engine = await findEngine(name);
    this.say(`Training and endpoints run in containers of ${engine.name}.`);
    return engine.name;
  }

  private async launch(spec: ProcessSpec, state: StateFile): Promise<void> {
    const { signal, backoffMs, probeEveryMs } = this.options;
    const crashed = state.children[spec.name] !== undefined;
    const managed = new Managed(spec, {
      logFile: join(logsDirOf(this.stateDir), `${spec.name}.log`),
      say: this.say,
      onChange: (id) => state.setChild(spec.name, id),
      signal,
      backoffMs,
      probeEveryMs,
    });
    this.managed.push(managed);
    await managed.start(crashed);
  }

  private processes(): StackProcess[] {
    return this.managed.map(({ spec, state, pid, restarts }) => ({
      name: spec.name,
      state,
      pid,
      restarts,
      logFile: join(logsDirOf(this.stateDir), `${spec.name}.log`),
    }));
  }

  /** Those that need others first: the worker, the local SageMaker and Redshift, then the rest together. */
  async stop(): Promise<void> {
    await rm(envFileOf(this.stateDir), { force: true });
    const named = (name: ServiceName) => this.managed.filter(({ spec }) => spec.name === name);
    for (const managed of named('worker')) await managed.stop();
    await Promise.all([...named('sagemaker'), ...named('redshift')].map((managed) => managed.stop()));
    await Promise.all(this.managed.filter(({ state }) => state !== 'stopped').map((managed) => managed.stop()));
  }
}
