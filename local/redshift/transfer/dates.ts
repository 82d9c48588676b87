import { SqlError } from '../protocol/messages.js';

/** Turns a field into what PostgreSQL reads the same way; undefined where the field does not fit the format. */
export type Convert = (field: string) => string | undefined;

const MONTHS = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ');

/** Parts of a format (Redshift: DATEFORMAT and TIMEFORMAT strings), longest first, with what they match. */
const PARTS: readonly (readonly [part: string, group: string, pattern: string])[] = [
  ['YYYY', 'year', '\\d{4}'],
  ['YY', 'shortYear', '\\d{2}'],
  ['MON', 'monthName', '[A-Za-z]{3}'],
  ['MM', 'month', '\\d{1,2}'],
  ['MI', 'minute', '\\d{1,2}'],
  ['DD', 'day', '\\d{1,2}'],
  ['HH24', 'hour', '\\d{1,2}'],
  ['HH12', 'hour', '\\d{1,2}'],
  ['HH', 'hour', '\\d{1,2}'],
  ['SS', 'second', '\\d{1,2}(?:\\.\\d{1,6})?'],
  ['AM', 'half', '[AaPp][Mm]'],
  ['PM', 'half', '[AaPp][Mm]'],
  ['OF', 'zone', '(?:[+-]\\d{2}(?::?\\d{2})?|Z)?'],
];

/** The regular expression of a format. */
function patternOf(format: string, option: string): RegExp {
  let source = '';
  for (let at = 0; at < format.length;) {
    const rest = format.slice(at).toUpperCase();
    const part = PARTS.find(([name]) => rest.startsWith(name));
    if (part) source += `(?<${part[1]}>${part[2]})`;
    else if (/[A-Z]/.test(rest[0] as string)) {
      throw new SqlError('22007', `${option} '${format}' has a part that the local Redshift does not know`, {
        hint: `It knows ${PARTS.map(([name]) => name).join(', ')}, auto, epochsecs and epochmillisecs.`,
      });
    } else source += format[at]?.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
    at += part ? part[0].length : 1;
  }
  return new RegExp(`^${source}$`);
}

const two = (value: string | number | undefined) => String(value ?? 1).padStart(2, '0');

function hourOf(hour: string | undefined, half: string | undefined): number {
  const value = Number(hour ?? 0);
  if (half === undefined) return value;
  return (value % 12) + (half.toUpperCase() === 'PM' ? 12 : 0);
}

function fromPattern(pattern: RegExp): Convert {
  return (field) => {
    const found = pattern.exec(field)?.groups;
    if (!found) return undefined;
    const month = found['monthName'] ? MONTHS.indexOf(found['monthName'].toUpperCase()) + 1 : found['month'];
    if (month === 0) return undefined;
    const year = found['year'] ?? `20${found['shortYear'] ?? '00'}`;
    const seconds = found['second'] ?? '0';
    const time = `${two(hourOf(found['hour'], found['half']))}:${two(found['minute'] ?? 0)}:${seconds.padStart(2, '0')}`;
    return `${year}-${two(month)}-${two(found['day'])} ${time}${found['zone'] ?? ''}`;
  };
}

const fromEpoch =
  (perSecond: number): Convert =>
  (field) =>
    /^-?\d+(\.\d+)?$/.test(field.trim())
      ? new Date((Number(field) / perSecond) * 1000).toISOString().replace('Z', '+00')
      : undefined;

/**
 * How a field of a date or time column is read. Without a format, and with `auto`, as PostgreSQL reads it.
 * @throws SqlError for a format that can't be followed
 */
export function dateConverter(option: 'DATEFORMAT' | 'TIMEFORMAT', format: string | undefined): Convert {
  switch (format?.toLowerCase()) {
    case undefined:
    case 'auto':
      return (field) => field;
    case 'epochsecs':
      return fromEpoch(1);
    case 'epochmillisecs':
      return fromEpoch(1000);
    default:
      return fromPattern(patternOf(format as string, option));
  }
}
