import { dateBefore } from '../../contracts/duration.js';

/** Dates a run looks at, both inclusive; without `first` everything up to `last`. */
export interface Window {
  readonly first?: string;
  readonly last: string;
}

const DATED = /^(\d{4}-\d{2}-\d{2})(?:\.csv$|\/.)/s;

/** Whether a text is a calendar date YYYY-MM-DD: 2015-02-30 is none. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

/** Date of an object by its key without the prefix: `YYYY-MM-DD.csv`, or anything under `YYYY-MM-DD/`. Undefined for any other. */
export function datedAs(relativeKey: string): string | undefined {
  const date = DATED.exec(relativeKey)?.[1];
  return date !== undefined && isDate(date) ? date : undefined;
}

/** The window that ends with the as-of date: P2D is that day and the one before it. */
export function windowOf(asOf: string, span: string | undefined): Window {
  return span === undefined ? { last: asOf } : { first: dayAfter(dateBefore(asOf, span)), last: asOf };
}

export const inside = (window: Window, date: string) =>
  date <= window.last && (window.first === undefined || date >= window.first);

/** `between 2026-01-01 and 2026-01-31`, for people. */
export const describeWindow = ({ first, last }: Window) =>
  first === undefined ? `up to ${last}` : `between ${first} and ${last}`;

function dayAfter(date: string): string {
  return new Date(new Date(`${date}T00:00:00Z`).getTime() + 86_400_000).toISOString().slice(0, 10);
}
