/** Now as the wire has it: epoch seconds with milliseconds as the fraction. */
export function now(): number {
  return Date.now() / 1000;
}
