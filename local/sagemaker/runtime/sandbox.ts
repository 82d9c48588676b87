import { accessSync, constants } from 'node:fs';
import { cp, mkdir, rm, symlink } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import type { Logger } from 'pino';
import type { ClosableSandbox, ContainerSpec, RunningContainer } from '../context.js';
import type { ImageEnvironment, ImageEnvironments } from './image-environment.js';
import { commandLine, probeIsolation } from './namespace.js';
import { CONTRACT_PORT, openGateway, type Gateway } from './own-network.js';
import { startProcess, withCleanUp } from './process.js';
import { openRegistry } from './registry.js';

/** Runs the programs of images as processes. */
export interface HostSandbox extends ClosableSandbox {
  /** `private`: programs see a private /opt/ml. `plain`: they get SAGEMAKER_BASE_DIR. */
  readonly mode: 'private' | 'plain';
}

/** What a program inherits of our environment: how to find interpreters, temporary files and its language. */
const INHERITED = /^(PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR)$/;
/** Stands for the credentials of the execution role; the endpoint URLs lead to the emulated services. */
const ROLE = /^AWS_(ENDPOINT_URL\w*|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|REGION|DEFAULT_REGION)$/;

/**
 * Opens the sandbox: ends what an earlier life left running in this state folder and finds out, once, how programs
 * can get their /opt/ml here. `mode: 'plain'` skips the namespaces.
 */
export async function createSandbox(options: {
  stateDir: string;
  log: Logger;
  env: NodeJS.ProcessEnv;
  /** Without it, images run with what the machine has. */
  imageEnvironments?: Pick<ImageEnvironments, 'prepare'>;
  mode?: 'plain';
}): Promise<HostSandbox> {
  const stage = join(options.stateDir, 'mnt');
  await mkdir(stage, { recursive: true });
  const registry = openRegistry(join(options.stateDir, 'processes'));
  const killed = registry.killLeftovers();
  if (killed.length > 0) options.log.warn({ killed }, 'programs of an earlier life were still running; ended them');

  const isolation = options.mode === 'plain' ? { plain: [] } : await probeIsolation(options.stateDir, stage);
  const mode = isolation.private ? 'private' : 'plain';
  options.log.info({ mode }, 'programs of images run with %s', mode === 'private' ? '/opt/ml' : 'SAGEMAKER_BASE_DIR');
  const running = new Map<number, RunningContainer>();

  return {
    mode,
    async start(spec) {
      const program = join(spec.image, spec.command);
      assertProgram(program);
      const image = (await options.imageEnvironments?.prepare(spec.image)) ?? { env: {} };
      if (mode === 'plain' && spec.modelDir) {
        await rm(join(spec.optMl, 'model'), { recursive: true, force: true });
        await symlink(spec.modelDir, join(spec.optMl, 'model'), 'dir');
      }
      if (mode === 'plain') await placeMounts(spec);
      const gateway = spec.ownNetwork ? await enterOwnNetwork(spec, mode) : undefined;
      const started = await startProcess({
        argv: commandLine(isolation, stage, { ...spec, socket: gateway?.socket }, [program, spec.command]),
        cwd: spec.image,
        env: environment(options.env, image, spec, mode),
        logFile: spec.logFile,
        onLogLost: (err) => options.log.warn({ err, logFile: spec.logFile }, "a program's output is lost"),
        onLine: spec.onLine,
        announces: mode === 'private',
      }).catch(async (error: unknown) => {
        await gateway?.close();
        throw error;
      });
      try {
        registry.add(started.pid);
      } catch (error) {
        // Not a program that nobody knows of.
        await started.stop(0);
        await gateway?.close();
        throw error;
      }
      const container = withCleanUp(started, async () => {
        running.delete(started.pid);
        registry.remove(started.pid);
        await gateway?.close();
      });
      running.set(started.pid, container);
      return spec.port === undefined ? container : { ...container, url: `http://127.0.0.1:${spec.port}` };
    },
    async close() {
      await Promise.all([...running.values()].map((container) => container.stop(0)));
    },
  };
}

/** Those variables that stand for the execution role. */
export function roleOf(env: NodeJS.ProcessEnv): Record<string, string> {
  const ofRole = (entry: [string, string | undefined]): entry is [string, string] =>
    ROLE.test(entry[0]) && entry[1] !== undefined;
  return Object.fromEntries(Object.entries(env).filter(ofRole));
}

/** Without namespaces nothing can be mounted: what a program may write to is a link, what it may only read a copy. */
async function placeMounts({ optMl, mounts = [] }: ContainerSpec): Promise<void> {
  for (const { folder, path, readOnly } of mounts) {
    const target = join(optMl, path);
    if (readOnly) await cp(folder, target, { recursive: true, verbatimSymlinks: true });
    else {
      await rm(target, { recursive: true, force: true });
      await symlink(folder, target, 'dir');
    }
  }
}

async function enterOwnNetwork(spec: ContainerSpec, mode: HostSandbox['mode']): Promise<Gateway> {
  if (mode === 'private' && spec.port !== undefined) return openGateway(spec.port);
  throw new Error(
    `${spec.image}: its program listens on ${CONTRACT_PORT} only, and this machine has no network namespaces to run several such: make it listen on SAGEMAKER_BIND_TO_PORT`,
  );
}

function assertProgram(program: string): void {
  try {
    accessSync(program, constants.X_OK);
  } catch (cause) {
    throw new Error(`${program} is not there or not executable: an image's folder holds executable train and serve`, {
      cause,
    });
  }
}

function environment(
  own: NodeJS.ProcessEnv,
  image: ImageEnvironment,
  spec: ContainerSpec,
  mode: HostSandbox['mode'],
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    if (value === undefined) continue;
    if (INHERITED.test(name)) env[name] = value;
  }
  if (!spec.withoutCredentials) Object.assign(env, roleOf(own));
  // Programs whose first line is `#!/usr/bin/env node` get the Node that we run on.
  const path = [image.bin ?? [], dirname(process.execPath), env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'].flat();
  env['PATH'] = path.join(delimiter);
  Object.assign(env, image.env, spec.env);
  if (mode === 'plain') env['SAGEMAKER_BASE_DIR'] = spec.optMl;
  if (spec.port !== undefined) env['SAGEMAKER_BIND_TO_PORT'] = String(spec.ownNetwork ? CONTRACT_PORT : spec.port);
  return env;
}
