import { connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { parse } from 'pg-protocol';
import { PAGE } from './answers.js';
import type { Call, CallBook, Trap } from './book.js';
import { sqlCall, type Sighting } from './calls.js';
import { Frames, fatalError, statementOf, type Frame } from './frames.js';
import { listen, type Listening } from './listen.js';

const SLOW_MS = 300_000;
const CONNECT: Sighting = { service: 'PostgreSQL', operation: 'Connect', resource: '' };

/** The two ends of a connection, after whatever they agree on first. */
export interface Ends {
  readonly client: Duplex;
  readonly upstream: Duplex;
  /** Breaks the client's end so that it sees an error. */
  readonly reset: () => void;
}

/** Connects each client to what is behind; `join` has the two ends of a connection, neither of which outlives the other. */
export function startRelay(
  behind: { readonly host: string; readonly port: number },
  join: (client: Socket, upstream: Socket) => void,
): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ host: behind.host, port: behind.port });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    join(client, upstream);
  });
  return listen(server, () => sockets.forEach((socket) => socket.destroy()));
}

/**
 * A relay before PostgreSQL. A call is a connection's beginning, or what a client sends up to the Query or Sync that asks for an answer;
 * it is answered once the server is ready for the next one.
 */
export const startPostgresRelay = (behind: { host: string; port: number }, book: CallBook): Promise<Listening> =>
  startRelay(
    behind,
    (client, upstream) =>
      void new RelayedSession({ client, upstream, reset: () => client.resetAndDestroy() }, book, sightingOf),
  );

/** One connection; `sighting` says which call a batch of messages is, if it is one. */
export class RelayedSession {
  readonly #frames = new Frames();
  #batch: Frame[] = [];
  #call: Call | undefined;
  /** What the server's answer goes into instead of to the client. */
  #held: { readonly trap: Trap; readonly bytes: Buffer[] } | undefined;
  /** The client still has to answer what the server asks of it. */
  #connecting = true;
  #silent = false;

  private readonly client: Duplex;
  private readonly upstream: Duplex;
  private readonly reset: () => void;

  constructor(
    { client, upstream, reset }: Ends,
    private readonly book: CallBook,
    private readonly sighting: (batch: readonly Frame[]) => Sighting | undefined,
  ) {
    [this.client, this.upstream, this.reset] = [client, upstream, reset];
    client.on('data', (bytes: Buffer) => {
      for (const frame of this.#frames.cut(bytes)) this.#take(frame);
    });
    // In this order: what a message ends is known before its last bytes go on.
    upstream.on('data', (bytes: Buffer) => {
      if (this.#call) this.#call.bytes = (this.#call.bytes ?? 0) + bytes.length;
    });
    parse(upstream, ({ name }) => {
      if (name === 'readyForQuery') this.#ready();
    }).catch(() => client.destroy());
    upstream.on('data', (bytes: Buffer) => {
      if (this.#held && !this.#connecting) this.#held.bytes.push(bytes);
      else client.write(bytes);
    });
  }

  #take(frame: Frame): void {
    if (this.#silent) return;
    this.#batch.push(frame);
    // Parse, Bind, Describe and Execute wait for their Sync; the rest, such as a password, is for the server at once.
    if (['P', 'B', 'D', 'E', 'C'].includes(frame.tag)) return;
    const batch = this.#batch;
    this.#batch = [];
    const forward = () => batch.forEach(({ bytes }) => this.upstream.write(bytes));
    const sighting = this.sighting(batch);
    if (!sighting) return forward();
    const { call, trap } = this.book.enter(sighting);
    this.#call = call;
    if (!trap) return forward();
    if (trap.kind === 'dropped after' || trap.kind === 'slow body') {
      this.#held = { trap, bytes: [] };
      return forward();
    }
    trap.sprung();
    this.#instead(trap);
  }

  #instead({ kind }: Trap): void {
    this.#silent = true;
    switch (kind) {
      case 'throttle':
        return void this.client.end(fatalError('53300', 'sorry, too many clients already'));
      case 'internal error':
        return void this.client.end(fatalError('57P01', 'terminating connection due to administrator command'));
      case 'wrong body':
        return void this.client.end(PAGE.body);
      case 'dropped before':
        return void this.reset();
      default:
        return;
    }
  }

  /** The server has answered. */
  #ready(): void {
    if (this.#call) this.#call.status = 200;
    this.#call = undefined;
    this.#connecting = false;
    const held = this.#held;
    if (!held) return;
    held.trap.sprung();
    this.#silent = true;
    if (held.trap.kind === 'dropped after') return void this.reset();
    // The last bytes of the answer come in after this.
    setImmediate(() => this.#drip(Buffer.concat(held.bytes)));
  }

  #drip(bytes: Buffer): void {
    let sent = 0;
    const drip = setInterval(
      () => {
        this.client.write(bytes.subarray(sent, sent + 1));
        sent += 1;
        if (sent >= bytes.length) clearInterval(drip);
      },
      Math.max(1_000, SLOW_MS / bytes.length),
    );
    this.client.once('close', () => clearInterval(drip));
  }
}

/** A connection's beginning, or the statement of a batch. */
export function sightingOf(batch: readonly Frame[]): Sighting | undefined {
  const last = batch.at(-1);
  if (last?.tag === '') return CONNECT;
  if (last?.tag !== 'Q' && last?.tag !== 'S') return undefined;
  const statement = batch.map(statementOf).find((text) => text !== undefined);
  return statement === undefined ? undefined : sqlCall(statement);
}
