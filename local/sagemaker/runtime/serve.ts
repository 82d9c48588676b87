import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import getPort from 'get-port';
import { LOOPBACK } from '../../addresses.js';
import type { Context, Exit, RunningContainer } from '../context.js';
import { withCleanUp } from './process.js';
import { contractPortTaken, listensOnContractPort } from './own-network.js';

/** What is needed to serve one model by one program. */
export interface ServingSpec {
  /** As ContainerSpec has it. */
  readonly image: string;
  readonly instanceType?: string;
  /** Unpacked model; the program sees it, read-only, as /opt/ml/model. Several programs may share it. */
  readonly modelDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** How long the program may take until the first `GET /ping` that answers 200. */
  readonly startupTimeoutMs: number;
  readonly withoutCredentials?: boolean;
  /** Ends the program while it comes up; the error is then ServingError `exited`. */
  readonly signal?: AbortSignal;
}

/** A program that did not come up: it `exited`, or was `unhealthy` until the time ran out. */
class ServingError extends Error {
  constructor(
    readonly kind: 'exited' | 'unhealthy',
    message: string,
    readonly logFile: string,
  ) {
    super(message);
    this.name = 'ServingError';
  }
}

/** AWS: a ping must answer 200 within 2 s. */
const PING_TIMEOUT_MS = 2_000;
const PING_EVERY_MS = 25;
/** How often a program that is not healthy yet is looked at for the port it listens on. */
const LOOK_EVERY_MS = 500;
/** What a program says that finds 8080 taken, in Node's words or the C library's. */
const PORT_TAKEN = /EADDRINUSE|address already in use/i;
/** AWS: SIGTERM, and SIGKILL 30 s later. */
export const SERVE_GRACE_MS = 30_000;

/** A program that is up. */
export interface Serving {
  readonly url: string;
  readonly container: RunningContainer;
}

/** Folders that serving programs see as /opt/ml; none outlives the server. */
export function servingRoot(stateDir: string): string {
  return join(stateDir, 'serving');
}

/**
 * Starts an image's `serve` on a free port (SAGEMAKER_BIND_TO_PORT) and resolves once it is healthy. A program that
 * listens on 8080 whatever it is told is started again in a network of its own, where the system allows.
 * Throws ServingError if it exits or is not healthy in time; nothing runs then.
 */
export async function startServing(ctx: Pick<Context, 'sandbox' | 'config'>, spec: ServingSpec): Promise<Serving> {
  // Containers have networks of their own from the start.
  const first = await attempt(ctx, spec, ctx.sandbox.ownNetworks === true);
  if (first.container) return first;
  if (first.outcome !== 'wrong port') throw servingError(first.outcome, spec);
  const second = await attempt(ctx, spec, true);
  if (second.container) return second;
  throw servingError(second.outcome === 'wrong port' ? 'late' : second.outcome, spec);
}

type Outcome = 'late' | 'wrong port' | Exit;

async function attempt(
  ctx: Pick<Context, 'sandbox' | 'config'>,
  spec: ServingSpec,
  ownNetwork: boolean,
): Promise<Serving | { container?: undefined; outcome: Outcome }> {
  const { signal, startupTimeoutMs, ...program } = spec;
  await mkdir(servingRoot(ctx.config.stateDir), { recursive: true });
  const optMl = await mkdtemp(join(servingRoot(ctx.config.stateDir), 'opt-ml-'));
  const remove = (): Promise<void> => rm(optMl, { recursive: true, force: true });
  // Where programs are reached, wherever the server itself listens.
  const port = ctx.sandbox.ownNetworks ? undefined : await getPort({ host: LOOPBACK });
  const said = { portTaken: false };
  const onLine = (line: string): void => {
    said.portTaken ||= PORT_TAKEN.test(line);
  };
  let container: RunningContainer;
  try {
    await mkdir(join(optMl, 'model'));
    const started = await ctx.sandbox.start({ ...program, command: 'serve', optMl, port, ownNetwork, onLine });
    container = withCleanUp(started, remove);
  } catch (error) {
    await remove();
    throw error;
  }
  const cancel = (): void => void container.stop(0);
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted) cancel();
  try {
    // A program that has no address has ended.
    const url = container.url ?? '';
    const outcome = await healthy(url, container, startupTimeoutMs, ownNetwork);
    if (outcome === 'healthy') return { url, container };
    await container.stop(0);
    return { outcome: !ownNetwork && said.portTaken && contractPortTaken() ? 'wrong port' : outcome };
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

async function healthy(
  url: string,
  container: RunningContainer,
  timeoutMs: number,
  ownNetwork: boolean,
): Promise<'healthy' | Outcome> {
  const deadline = Date.now() + timeoutMs;
  let nextLook = Date.now() + LOOK_EVERY_MS;
  let exit: Exit | undefined;
  void container.exited.then((value) => (exit = value));
  while (Date.now() < deadline) {
    if (await answersPing(url)) return 'healthy';
    if (exit) return exit;
    if (!ownNetwork && Date.now() >= nextLook) {
      if (listensOnContractPort(container.pid)) return 'wrong port';
      nextLook = Date.now() + LOOK_EVERY_MS;
    }
    await sleep(PING_EVERY_MS);
  }
  return exit ?? 'late';
}

function servingError(outcome: 'late' | Exit, { startupTimeoutMs, logFile }: ServingSpec): ServingError {
  if (outcome === 'late') {
    const text = `the program did not answer GET /ping with 200 within ${startupTimeoutMs} ms: see ${logFile}`;
    return new ServingError('unhealthy', text, logFile);
  }
  const how = outcome.signal ?? `code ${outcome.code}`;
  return new ServingError('exited', `the program ended (${how}) before it answered GET /ping: see ${logFile}`, logFile);
}

/** True if `GET /ping` answers 200 in time. */
export async function answersPing(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/ping`, { signal: AbortSignal.timeout(PING_TIMEOUT_MS) });
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    // Nothing listens yet, or too slow: not healthy, which is the answer.
    return false;
  }
}
