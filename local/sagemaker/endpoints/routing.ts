import type { Fleet } from './fleet.js';

/** Share of the traffic that a fleet takes, as a weight; shares need not add up to anything. */
interface TrafficShare {
  readonly fleet: Fleet;
  readonly weight: number;
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
 * before or after a switch, never in between. Canary and linear shifting are further calls of `set` with both fleets.
 */
export class TrafficRouting {
  #shares: readonly TrafficShare[] = [];

  /** Replaces all shares; returns the fleets that no longer take traffic. */
  set(shares: readonly TrafficShare[]): Fleet[] {
    const before = this.#shares.map((share) => share.fleet);
    this.#shares = shares;
    return before.filter((fleet) => !shares.some((share) => share.fleet === fleet));
  }

  /** The fleet for one request, or undefined while none is up. */
  pick(random: number = Math.random()): Fleet | undefined {
    return weightedPick(this.#shares, (share) => share.weight, random)?.fleet;
  }

  /** All fleets that take traffic. */
  get fleets(): Fleet[] {
    return this.#shares.map((share) => share.fleet);
  }
}
