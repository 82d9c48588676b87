import type { Arrivals } from '../../contracts/triggers.js';

/** A stream of objects that never pauses gets a run after so many debounces. */
const LONGEST = 4;

/** Counts objects that arrived at `now` (epoch ms). */
export const arrived = (before: Arrivals | undefined, now: number): Arrivals => ({
  first: before?.first ?? now,
  last: now,
});

/** When a run is due (epoch ms): nothing has come for the debounce, or something has come for four of them. */
export const dueAt = ({ first, last }: Arrivals, debounce: number): number =>
  Math.min(last + debounce, first + LONGEST * debounce);

/**
 * What is still waited for once a run was asked for at `now`. The listener reports a stream now and then only: where a run comes in
 * the midst of one, the objects behind the last report get another as soon as it pauses.
 */
export const afterRun = (arrivals: Arrivals, debounce: number, now: number): Arrivals | undefined =>
  now >= arrivals.last + debounce ? undefined : { first: now, last: arrivals.last };
