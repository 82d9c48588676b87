import type { WeatherDay } from '../seattle-weather/data.js';

/** The first run trains on everything up to this day. */
export const BASE_END = '2014-12-31';
/** How much newer data each later run gets. */
const SLICE_DAYS = 60;
/** So many days at the end are never trained on: the metric needs rows that the model has not seen. */
const LEAST_HELD_BACK = 60;

export interface Slice {
  /** Days to upload; empty once the data set has no more to give. */
  readonly days: readonly WeatherDay[];
  /** Newest day that the next run may see. */
  readonly until: string;
}

/** What comes next, given the days that are in the bucket. Days that an interrupted upload left out are part of it. */
export function nextSlice(all: readonly WeatherDay[], uploaded: ReadonlySet<string>): Slice {
  const newest = [...uploaded].sort().at(-1);
  const until = newest === undefined || newest < BASE_END ? BASE_END : nextEnd(all, newest);
  return { days: all.filter(({ date }) => date <= until && !uploaded.has(date)), until };
}

function nextEnd(all: readonly WeatherDay[], newest: string): string {
  const rest = all.filter(({ date }) => date > newest);
  if (rest.length < SLICE_DAYS + LEAST_HELD_BACK) return newest;
  return rest[SLICE_DAYS - 1]?.date ?? newest;
}

/** The rows that a model trained on data up to `newest` has never seen: all that are later. */
export const heldBack = (all: readonly WeatherDay[], newest: string) => all.filter(({ date }) => date > newest);
