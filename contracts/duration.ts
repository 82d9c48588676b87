const ISO = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;
const SHORT = /^(\d+)(s|m|h|d)$/;
const SHORT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A span of time in calendar parts: years and months have no fixed length, the rest is milliseconds. */
export interface Span {
  readonly months: number;
  readonly ms: number;
}

/** Parses an ISO 8601 duration (`P2Y`, `P30D`, `PT90S`) or the short form (`30s`, `5m`, `12h`, `7d`); undefined if it is neither, or empty. */
export function parseSpan(text: string): Span | undefined {
  const short = SHORT.exec(text);
  if (short) return { months: 0, ms: Number(short[1]) * SHORT_MS[short[2] as keyof typeof SHORT_MS] };
  const iso = ISO.exec(text);
  if (!iso || iso.slice(1).every((part) => part === undefined)) return undefined;
  const [years, months, weeks, days, hours, minutes, seconds] = iso.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return {
    months: years * 12 + months,
    ms: (weeks * 7 + days) * 86_400_000 + hours * 3_600_000 + minutes * 60_000 + seconds * 1_000,
  };
}

/** Milliseconds of a duration without years or months. Throws on any other: a definition was checked before it got here. */
export function durationMs(text: string): number {
  const span = parseSpan(text);
  if (!span || span.months > 0)
    throw new RangeError(`"${text}" is not a duration of fixed length such as 30s, 5m or P1D`);
  return span.ms;
}

/** The date (YYYY-MM-DD) that lies `span` before `date`. A day that the month doesn't have becomes its last one (31 March less P1M is 28 February). */
export function dateBefore(date: string, text: string): string {
  const span = parseSpan(text);
  if (!span) throw new RangeError(`"${text}" is not a duration such as P2Y, P30D or 7d`);
  const [year, month, day] = date.split('-').map(Number) as [number, number, number];
  const first = new Date(Date.UTC(year, month - 1 - span.months, 1));
  const lastDay = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  first.setUTCDate(Math.min(day, lastDay));
  return new Date(first.getTime() - span.ms).toISOString().slice(0, 10);
}
