import { parseSpan } from '../../contracts/duration.js';

/** The time (ISO 8601) that lies `span` after `from`. A day that the month doesn't have becomes its last one. Throws on what is no span. */
export function timeAfter(from: string, span: string): string {
  const parts = parseSpan(span);
  if (!parts) throw new RangeError(`"${span}" is not a duration such as P7Y, P35D or 7d`);
  const time = new Date(from);
  const day = time.getUTCDate();
  time.setUTCDate(1);
  time.setUTCMonth(time.getUTCMonth() + parts.months);
  const lastDay = new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + 1, 0)).getUTCDate();
  time.setUTCDate(Math.min(day, lastDay));
  return new Date(time.getTime() + parts.ms).toISOString();
}
