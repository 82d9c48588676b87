import { createHmac } from 'node:crypto';
import pg from 'pg';
import { SqlError } from '../protocol/messages.js';
import { Upstream } from '../protocol/upstream.js';
import { MASTER } from './objects.js';
import { addressOf } from './warehouse.js';
import type { Login } from '../control/credentials.js';

const WRONG_PASSWORD = '28P01';
/** Two gateways, in tests, may set the password of one role at the same moment. */
const TRIES = 3;

const quoted = (name: string) => pg.escapeIdentifier(name);

/** Logs database users in as their own roles, so that rights, and who may cancel what, are PostgreSQL's own. */
export class Roles {
  private readonly secret: string;

  constructor(
    private readonly pool: pg.Pool,
    private readonly url: string,
  ) {
    this.secret = decodeURIComponent(new URL(url).password);
  }

  /** The role's password: nobody but this process knows how it is derived, and temporary credentials stand before it. */
  private passwordOf(role: string): string {
    return createHmac('sha256', this.secret).update(role).digest('base64url');
  }

  /** Whether it is a user or group of the warehouse: the master user, or one that is in its hands. Others of the server, a ledger's for one, are none. */
  private async exists(role: string): Promise<boolean> {
    const { rowCount } = await this.pool.query(
      `SELECT FROM pg_roles AS role WHERE rolname = $1 AND NOT rolsuper AND (rolname = $2 OR EXISTS (
         SELECT FROM pg_auth_members JOIN pg_roles AS master ON master.oid = member WHERE roleid = role.oid AND master.rolname = $2))`,
      [role, MASTER],
    );
    return rowCount === 1;
  }

  /** Makes the user where the credentials say so, and lets it join its groups. */
  private async prepare({ user, role, autoCreate, groups }: Login): Promise<void> {
    if (!(await this.exists(role))) {
      if (!autoCreate) throw new SqlError('42704', `user "${user}" does not exist`);
      await this.pool.query(`CREATE ROLE ${quoted(role)} LOGIN`);
      // As if the master user had made it: it may alter and drop it.
      await this.pool.query(`GRANT ${quoted(role)} TO ${MASTER} WITH ADMIN TRUE, INHERIT TRUE, SET FALSE`);
    }
    for (const group of groups) {
      if (!(await this.exists(group))) throw new SqlError('42704', `group "${group}" does not exist`);
      await this.pool.query(`GRANT ${quoted(group)} TO ${quoted(role)}`);
    }
  }

  /**
   * Opens a session of the database as the user's role.
   * @throws SqlError as Redshift refuses, pg.DatabaseError as PostgreSQL does
   */
  async connect(login: Login, database: string, parameters: ReadonlyMap<string, string>): Promise<Upstream> {
    await this.prepare(login);
    const password = this.passwordOf(login.role);
    const options = parameters.get('options');
    const application = parameters.get('application_name');
    const config: pg.ClientConfig = {
      ...addressOf(this.url),
      user: login.role,
      password,
      database,
      ...(options === undefined ? {} : { options }),
      ...(application === undefined ? {} : { application_name: application }),
    };
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await Upstream.connect(config);
      } catch (error) {
        if (!(error instanceof pg.DatabaseError) || error.code !== WRONG_PASSWORD || attempt > TRIES) throw error;
        await this.pool.query(`ALTER ROLE ${quoted(login.role)} PASSWORD ${pg.escapeLiteral(password)}`);
      }
    }
  }
}
