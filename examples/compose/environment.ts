import type { Env } from '../demo/account.js';

/** The variables of this process that are set, as the demo's own functions take them. */
export const environment = (): Env =>
  Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  );

/** A variable that docker-compose.yml sets. */
export function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: this is a job of docker-compose.yml, which sets it`);
  return value;
}
