import { createHash, randomBytes } from 'node:crypto';
import { SqlError } from '../protocol/messages.js';

/** Who credentials let in, and as whom. */
export interface Login {
  /** As the client names itself: IAM:, IAMA: or IAMR: and a name. */
  readonly user: string;
  /** The role in the database. */
  readonly role: string;
  /** Whether the role is made where it is not there. */
  readonly autoCreate: boolean;
  readonly groups: readonly string[];
  /** The one database that they are for; any without it. */
  readonly database?: string;
}

export interface Issued {
  readonly password: string;
  readonly expiration: Date;
}

/** Kept after they have expired, so that a login is told so. */
const REMEMBERED_MS = 3_600_000;
const BAD_LOGIN = '28000';

const fingerprint = (user: string, password: string) =>
  createHash('sha256').update(user).update('\0').update(password).digest('hex');

/** Temporary credentials, in memory and without their passwords: a restart forgets them, and clients ask for new ones. */
export class Credentials {
  private readonly known = new Map<string, { login: Login; until: number }>();

  issue(login: Login, seconds: number): Issued {
    for (const [key, { until }] of this.known)
      if (until !== 0 && until + REMEMBERED_MS < Date.now()) this.known.delete(key);
    const password = randomBytes(48).toString('base64');
    const until = Date.now() + seconds * 1000;
    this.known.set(fingerprint(login.user, password), { login, until });
    return { password, expiration: new Date(until) };
  }

  /** Ends all of them at once. Returns how many there were. */
  expire(): number {
    for (const credential of this.known.values()) credential.until = 0;
    return this.known.size;
  }

  /**
   * The login that a password lets in.
   * @throws SqlError in Redshift's words
   */
  check(user: string, password: string, database: string): Login {
    const found = this.known.get(fingerprint(user, password));
    if (!found || (found.login.database ?? database) !== database)
      throw new SqlError(BAD_LOGIN, `password authentication failed for user "${user}"`);
    if (found.until <= Date.now()) throw new SqlError(BAD_LOGIN, 'IAM Authentication token has expired');
    return found.login;
  }
}
