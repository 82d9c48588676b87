import { usageError } from '../errors.js';

/** Throws a usage error unless the text is a date of the calendar. */
export function checkDate(option: string, text: string): string {
  const date = new Date(`${text}T00:00:00Z`);
  if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== text)
    throw usageError(`${option} ${text} is not a date: write it as YYYY-MM-DD`);
  return text;
}
