import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.js';
import { checkKey } from '../kms.js';
import { removeModels } from './files.js';
import { DeploymentFailure, Fleet } from './fleet.js';
import type { Deployment, EndpointRecord } from './types.js';

const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;

/**
 * Makes a fleet ready for traffic: key, models, processes, health. Throws DeploymentFailure with the FailureReason, or
 * what aborted it; stopping what has started is the caller's part.
 */
export async function bringUp(ctx: Context, fleet: Fleet, signal: AbortSignal): Promise<void> {
  if (fleet.deployment.canned) return;
  const key = fleet.deployment.kmsKeyId;
  const refused = key === undefined ? undefined : await checkKey(ctx, key, 'volume');
  if (refused !== undefined) throw new DeploymentFailure(refused);
  await Promise.race([fleet.start(), aborted(signal)]);
}

/** The time limit of a deployment, counted from its request, so that a restart does not lengthen it. */
export function timeLimit({ pending, pendingDeploymentConfig }: EndpointRecord): {
  readonly signal: AbortSignal;
  clear(): void;
} {
  const seconds = pendingDeploymentConfig?.BlueGreenUpdatePolicy?.MaximumExecutionTimeoutInSeconds;
  const limit = new AbortController();
  if (!pending || seconds === undefined) return { signal: limit.signal, clear: () => undefined };
  const text = `The deployment took longer than MaximumExecutionTimeoutInSeconds (${seconds} s).`;
  const left = Math.max(pending.createdAt + seconds * 1000 - Date.now(), 0);
  const timer = setTimeout(() => limit.abort(new DeploymentFailure(text)), left);
  return { signal: limit.signal, clear: () => clearTimeout(timer) };
}

/** Never resolves; throws the reason once `signal` is aborted. */
async function aborted(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  await once(signal, 'abort');
  throw signal.reason as Error;
}

/** Knows every fleet with processes, so that none outlives its endpoint or this process. */
export class FleetKeeper {
  readonly #ctx: Context;
  readonly #fleets = new Set<Fleet>();
  readonly #retiring = new Map<Fleet, Promise<void>>();

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** A fleet for this deployment, not started yet. */
  open(endpoint: string, deployment: Deployment): Fleet {
    const fleet = new Fleet(this.#ctx, endpoint, deployment);
    this.#fleets.add(fleet);
    return fleet;
  }

  /**
   * Starts a deployment that was in service before, until it is up. Undefined once `stop` is aborted (the attempt
   * under way ends too), or an attempt failed and `last` is aborted.
   */
  async restore(
    endpoint: string,
    deployment: Deployment,
    last: AbortSignal,
    stop: AbortSignal,
  ): Promise<Fleet | undefined> {
    for (let backoff = FIRST_BACKOFF_MS; !stop.aborted; backoff = Math.min(backoff * 2, LONGEST_BACKOFF_MS)) {
      const fleet = this.open(endpoint, deployment);
      const abandon = (): void => void fleet.stop();
      stop.addEventListener('abort', abandon, { once: true });
      try {
        await fleet.start();
        return fleet;
      } catch (error) {
        this.#ctx.log.warn({ err: error, endpoint }, 'an endpoint did not come up after a restart');
      } finally {
        stop.removeEventListener('abort', abandon);
      }
      this.#fleets.delete(fleet);
      if (last.aborted) return undefined;
      await sleep(backoff, undefined, { signal: AbortSignal.any([last, stop]) }).catch(() => undefined);
      if (last.aborted) return undefined;
    }
    return undefined;
  }

  /** Ends a fleet that takes no traffic any more: its requests finish first, then its processes and models go. */
  retire(fleet: Fleet): Promise<void> {
    const known = this.#retiring.get(fleet);
    if (known) return known;
    const retiring = (async () => {
      await fleet.drain();
      await fleet.stop();
      await removeModels(this.#ctx, fleet.endpoint, fleet.deployment);
      this.#fleets.delete(fleet);
      this.#retiring.delete(fleet);
    })();
    this.#retiring.set(fleet, retiring);
    return retiring;
  }

  /** Retires every fleet of an endpoint but the one that serves now, without being waited for. */
  retireOthers(endpoint: string, serving: Fleet): void {
    for (const fleet of this.#fleets) {
      if (fleet.endpoint !== endpoint || fleet === serving) continue;
      this.retire(fleet).catch((error: unknown) => {
        this.#ctx.log.error({ err: error, endpoint }, 'a replaced fleet did not end cleanly');
      });
    }
  }

  /** Resolves when no fleet of the endpoint is ending any more. */
  async settled(endpoint: string): Promise<void> {
    await Promise.all([...this.#retiring].filter(([fleet]) => fleet.endpoint === endpoint).map(([, done]) => done));
  }

  /** Stops all processes without waiting for requests: the server is going down. */
  async close(): Promise<void> {
    await Promise.all([...this.#fleets].map((fleet) => fleet.stop()));
    await Promise.all(this.#retiring.values());
  }
}
