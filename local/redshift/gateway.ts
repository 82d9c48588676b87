import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext } from 'node:tls';
import pg from 'pg';
import type { Logger } from 'pino';
import type { Certificates } from './certificate.js';
import type { Credentials } from './control/credentials.js';
import type { Roles } from './database/roles.js';
import { addressOf } from './database/warehouse.js';
import { Frames } from './protocol/frames.js';
import {
  authentication,
  backendKeyData,
  Body,
  fatalResponse,
  int32,
  parameterStatus,
  readyForQuery,
  SqlError,
} from './protocol/messages.js';
import { open, type Opening } from './protocol/startup.js';
import type { Upstream } from './protocol/upstream.js';
import { Session, type Shared } from './session/session.js';

export interface GatewayParts {
  readonly certificates: Certificates;
  readonly credentials: Credentials;
  readonly roles: Roles;
  readonly database: string;
  readonly serverUrl: string;
  readonly shared: Omit<Shared, 'cancel'>;
  readonly log: Logger;
}

const LOGIN_WITHIN_MS = 30_000;
const CLEARTEXT = 3;
const OK = 0;
const CANCEL_REQUEST = 80_877_102;

/** The PostgreSQL protocol, over TLS only, for temporary credentials only. */
export class Gateway {
  readonly server: Server;
  private readonly sessions = new Set<Session>();
  private readonly sockets = new Set<Socket>();

  constructor(private readonly parts: GatewayParts) {
    const { cert, key } = parts.certificates;
    const secureContext = createSecureContext({ cert, key });
    // An answer in two writes would wait 40 ms for the client's word on the first.
    this.server = createServer({ noDelay: true }, (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => undefined);
      const timer = setTimeout(() => socket.destroy(), LOGIN_WITHIN_MS);
      open(socket, secureContext)
        .then((opening) => this.welcome(opening, socket, () => clearTimeout(timer)))
        .catch((error: Error) => {
          parts.log.info({ reason: error.message }, 'a connection ended before its session began');
          socket.destroy();
        })
        .finally(() => clearTimeout(timer));
    });
  }

  private async welcome(opening: Opening, raw: Socket, loggedIn: () => void): Promise<void> {
    if (opening.kind === 'cancel') {
      this.forwardCancel(opening.request);
      return void raw.end();
    }
    const { socket, parameters } = opening;
    const user = parameters.get('user') ?? '';
    const database = parameters.get('database') ?? user;
    try {
      if (opening.kind === 'plain')
        throw new SqlError(
          '28000',
          `no pg_hba.conf entry for host "${raw.remoteAddress}", user "${user}", database "${database}", SSL off`,
          {
            hint: 'The local Redshift takes connections over TLS only: connect with sslmode=verify-full and its ca.pem.',
          },
        );
      const session = await this.login(socket, user, database, parameters);
      loggedIn();
      this.sessions.add(session);
      await session.run().finally(() => this.sessions.delete(session));
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      socket.end(fatalResponse(error));
    }
  }

  private async login(
    socket: Duplex,
    user: string,
    database: string,
    parameters: ReadonlyMap<string, string>,
  ): Promise<Session> {
    socket.write(authentication(CLEARTEXT));
    const password = await passwordFrom(socket);
    const login = this.parts.credentials.check(user, password, database);
    if (database !== this.parts.database) throw new SqlError('3D000', `database "${database}" does not exist`);
    let upstream: Upstream;
    try {
      upstream = await this.parts.roles.connect(login, database, parameters);
    } catch (error) {
      if (error instanceof pg.DatabaseError) throw new SqlError(error.code ?? 'XX000', error.message);
      if (error instanceof SqlError) throw error;
      this.parts.log.error({ err: error }, 'PostgreSQL could not be reached');
      throw new SqlError('57P03', 'the cluster is not available: the PostgreSQL behind it does not answer. Try again.');
    }
    const reports = [...upstream.parameters].map(([name, value]) => parameterStatus(name, value));
    const key = backendKeyData(upstream.pid, upstream.secret);
    socket.write(Buffer.concat([authentication(OK), ...reports, key, readyForQuery('I')]));
    const shared = { ...this.parts.shared, cancel: (of: Upstream) => this.cancel(of) };
    return new Session(socket, upstream, login.role, shared);
  }

  private cancel({ pid, secret }: Upstream): void {
    this.forwardCancel(Buffer.concat([int32(16), int32(CANCEL_REQUEST), int32(pid), secret]));
  }

  /** Only the database knows whether the secret is right. */
  private forwardCancel(request: Buffer): void {
    const socket = connect(addressOf(this.parts.serverUrl), () => socket.end(request));
    socket.on('error', () => undefined);
  }

  /** Ends all sessions; what they run fails. */
  async close(pool: pg.Pool): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    const pids = [...this.sessions].map(({ upstream }) => upstream.pid);
    await pool.query('SELECT pg_terminate_backend(pid) FROM unnest($1::integer[]) pid', [pids]).catch(() => undefined);
    const deadline = Date.now() + 3_000;
    while (this.sessions.size > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

/** The one message that follows a request for the password. */
async function passwordFrom(socket: Duplex): Promise<string> {
  const frames = new Frames();
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    const [message] = chunk ? frames.push(chunk) : [];
    if (message?.type === 'p') return new Body(message.bytes).text();
    if (message || socket.readableEnded || socket.destroyed) throw new Error('the client left before it had logged in');
    await Promise.race([once(socket, 'readable'), once(socket, 'close')]);
  }
}
