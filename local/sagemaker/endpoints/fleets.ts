import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, ControlRule } from '../context.js';
import { checkKey } from '../kms.js';
import { removeModels } from './files.js';
import { DeploymentFailure, Fleet } from './fleet.js';
import type { Deployment, EndpointRecord } from './types.js';

const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;

/** How a deployment goes: a control rule may delay it or make it fail. */
export interface Plan {
  readonly rule?: ControlRule | undefined;
}

/**
 * Makes a fleet ready for traffic: key, models, processes, health. Throws DeploymentFailure with the FailureReason, or
 * what aborted it; stopping what has started is the caller's part.
 */
export async function bringUp(
  ctx: Context,
  fleet: Fleet,
  record: EndpointRecord,
  { rule }: Plan,
  signal: AbortSignal,
): Promise<void> {
  if (rule?.action === 'slow') await sleep(rule.delayMs ?? 0, undefined, { signal });
  if (rule?.action === 'fail') {
    throw new DeploymentFailure(rule.reason ?? `The deployment was made to fail by control rule ${rule.id}.`);
  }
  const key = fleet.deployment.kmsKeyId;
  const refused = key === undefined ? undefined : await checkKey(ctx, key, 'volume');
  if (refused !== undefined) throw new DeploymentFailure(refused);
  const limit = record.pendingDeploymentConfig?.BlueGreenUpdatePolicy?.MaximumExecutionTimeoutInSeconds;
  const started = fleet.start();
  if (limit === undefined) return started;
  await Promise.race([started, overdue(limit, signal)]);
}

async function overdue(seconds: number, signal: AbortSignal): Promise<never> {
  await sleep(seconds * 1000, undefined, { signal, ref: false });
  throw new DeploymentFailure(`The deployment took longer than MaximumExecutionTimeoutInSeconds (${seconds} s).`);
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
