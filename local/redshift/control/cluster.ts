import type { Credentials, Login } from './credentials.js';
import type { ApiError } from './error.js';

/** The one cluster and the one workgroup that there are. */
export const CLUSTER = 'local';
export const WORKGROUP = 'local';
/** The database user of the caller's own identity: here everybody is the same role. */
const OWN_USER = 'IAMR:local';

const SHORTEST = 900;
const LONGEST = 3_600;

/** What the control plane knows of the warehouse. */
export interface Warehouse {
  readonly credentials: Credentials;
  readonly database: string;
  readonly master: string;
  /** Where the PostgreSQL protocol is spoken: name or IP address, and port. */
  readonly address: string;
  readonly port: () => number;
}

/** Seconds that credentials are good for. */
export function durationOf(given: unknown, fault: (message: string) => ApiError): number {
  if (given === undefined || given === null || given === '') return SHORTEST;
  const seconds = Number(given);
  if (!Number.isInteger(seconds) || seconds < SHORTEST || seconds > LONGEST)
    throw fault(`DurationSeconds must be between ${SHORTEST} and ${LONGEST}, and is ${String(given)}.`);
  return seconds;
}

/** The login of a database user by name: `IAM:`, and `IAMA:` where it may be made. */
export function userLogin(name: string, autoCreate: boolean, groups: readonly string[], database?: string): Login {
  const role = name.toLowerCase();
  const user = `${autoCreate ? 'IAMA' : 'IAM'}:${role}`;
  return { user, role, autoCreate, groups, ...(database ? { database } : {}) };
}

/** The login of the caller's own identity, which always has a database user. */
export const ownLogin = (database?: string): Login => ({
  user: OWN_USER,
  role: OWN_USER,
  autoCreate: true,
  groups: [],
  ...(database ? { database } : {}),
});
