/** `850 ms`, `4.2 s`, `3m 05s`, `2h 10m`, `3d 4h`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${String(Math.floor(seconds % 60)).padStart(2, '0')}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h ${String(minutes % 60).padStart(2, '0')}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** How long ago a time was, or how far ahead it lies: `12 s ago`, `in 3h 05m`. */
export function formatAge(at: Date | string, now: Date = new Date()): string {
  const seconds = (now.getTime() - new Date(at).getTime()) / 1000;
  const whole = Math.floor(Math.abs(seconds));
  const span = whole < 60 ? `${whole} s` : formatSeconds(whole);
  return seconds >= 0 ? `${span} ago` : `in ${span}`;
}

/** Enough digits to compare, few enough to read. */
export const formatNumber = (value: number) => String(Number(value.toPrecision(6)));

export const secondsBetween = (from: Date | string, to: Date | string) =>
  (new Date(to).getTime() - new Date(from).getTime()) / 1000;

/** `1 file`, `3 files`. */
export const plural = (count: number, thing: string) => `${count} ${thing}${count === 1 ? '' : 's'}`;

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function formatBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  return power === 0 ? `${bytes} B` : `${(bytes / 1024 ** power).toFixed(1)} ${UNITS[power]}`;
}

/** A time to the second, in UTC, as people read it. */
export const formatTime = (at: Date | string) => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
