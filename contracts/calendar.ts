/** Date (YYYY-MM-DD) of a time (ISO 8601, or ms since 1970) on a time zone's calendar. */
export function dateIn(timeZone: string, time: string | number): string {
  // Swedish writes dates as ISO 8601 does.
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(new Date(time));
}
