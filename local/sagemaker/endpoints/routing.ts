import type { Fleet } from './fleet.js';

/** Traffic distributions that are remembered: those of the last few updates. */
const KEPT_STEPS = 64;

/** Share of the traffic that a fleet takes, as a weight; shares need not add up to anything. */
interface TrafficShare {
  readonly fleet: Fleet;
  readonly weight: number;
}

/** A share, and how many invocations went by it. */
export interface CountedShare extends TrafficShare {
  requests: number;
}

/** A time, in epoch milliseconds, during which the shares stayed as they were. */
interface TrafficStep {
  readonly since: number;
  until?: number;
  readonly shares: readonly CountedShare[];
}

/**
 * Picks one item with the probability of its weight. All weights 0 means equal chances. Undefined for no items.
 * `random` is in [0, 1).
 */
export function weightedPick<T>(items: readonly T[], weightOf: (item: T) => number, random: number): T | undefined {
  const total = items.reduce((sum, item) => sum + weightOf(item), 0);
  if (total <= 0) return items[Math.floor(random * items.length)];
  let left = random * total;
  for (const item of items) {
    left -= weightOf(item);
    if (left < 0) return item;
  }
  return items.findLast((item) => weightOf(item) > 0);
}

/**
 * Which fleet of an endpoint the next request goes to. Setting it is synchronous, so a request sees the traffic either
 * before or after a step, never in between.
 */
export class TrafficRouting {
  readonly #steps: TrafficStep[] = [];

  /** Replaces all shares; returns the fleets that no longer take traffic. */
  set(shares: readonly TrafficShare[]): Fleet[] {
    const before = this.#shares;
    const same =
      before.length === shares.length &&
      before.every(({ fleet, weight }, index) => shares[index]?.fleet === fleet && shares[index].weight === weight);
    if (same) return [];
    const now = Date.now();
    const last = this.#steps.at(-1);
    if (last) last.until = now;
    this.#steps.push({ since: now, shares: shares.map(({ fleet, weight }) => ({ fleet, weight, requests: 0 })) });
    if (this.#steps.length > KEPT_STEPS) this.#steps.shift();
    return before.map(({ fleet }) => fleet).filter((fleet) => !shares.some((share) => share.fleet === fleet));
  }

  /** Where one request goes, or undefined while no fleet is up. Whoever sends it there counts it. */
  pick(random: number = Math.random()): CountedShare | undefined {
    return weightedPick(this.#shares, (share) => share.weight, random);
  }

  /** All fleets that take traffic. */
  get fleets(): Fleet[] {
    return this.#shares.map((share) => share.fleet);
  }

  /** How invocations were shared out, in order; of this process's life, and not further back than the last 64 steps. */
  get history(): object[] {
    return this.#steps.map(({ since, until, shares }) => ({
      since,
      ...(until !== undefined && { until }),
      shares: shares.map(({ fleet, weight, requests }) => ({
        config: fleet.deployment.configName,
        deployment: fleet.deployment.id,
        weight,
        requests,
      })),
    }));
  }

  get #shares(): readonly CountedShare[] {
    return this.#steps.at(-1)?.shares ?? [];
  }
}
