import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import pg from 'pg';
import { Frames, type Message } from './frames.js';
import { Body, columnsOf, completionOf, errorOf, query, SqlError, terminate, valuesOf } from './messages.js';
import type { Column, TransactionStatus, UpstreamError } from './messages.js';

/** Receives what the database says, in order; a promise holds back the rest. */
export type Sink = (messages: readonly Message[]) => Promise<void> | void;

export interface Answer {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly tag: string;
  /** The rows that the tag counts. */
  readonly count: number;
}

/** A session of the database behind. */
export class Upstream {
  status: TransactionStatus = 'I';
  /** Where messages go that nobody of us has asked for. */
  relay: Sink = () => undefined;
  /** Rejects once the session is over, with the reason that the database gave. */
  readonly ended: Promise<never>;
  private own: Sink | undefined;
  private last: UpstreamError | undefined;

  private constructor(
    private readonly socket: Duplex,
    readonly pid: number,
    readonly secret: Buffer,
    readonly parameters: ReadonlyMap<string, string>,
  ) {
    socket.on('error', () => undefined);
    this.ended = this.read();
    this.ended.catch(() => undefined);
  }

  /**
   * Logs in. The driver does that; what follows is the protocol itself.
   * @throws pg.DatabaseError as the database refuses
   */
  static async connect(config: pg.ClientConfig): Promise<Upstream> {
    const client = new pg.Client({ ...config, connectionTimeoutMillis: 10_000 });
    const { connection } = client as unknown as { connection: pg.Connection };
    const parameters = new Map<string, string>();
    let key: { processID: number; secretKey: number } = { processID: 0, secretKey: 0 };
    connection.on('parameterStatus', ({ parameterName, parameterValue }) =>
      parameters.set(parameterName, parameterValue),
    );
    connection.on('backendKeyData', (message) => (key = message));
    await client.connect();
    const socket = connection.stream;
    for (const event of ['data', 'end', 'close', 'error', 'connect']) socket.removeAllListeners(event);
    const secret = Buffer.alloc(4);
    secret.writeInt32BE(key.secretKey);
    return new Upstream(socket, key.processID, secret, parameters);
  }

  private async read(): Promise<never> {
    const frames = new Frames();
    try {
      for await (const chunk of this.socket as AsyncIterable<Buffer>) {
        const messages = frames.push(chunk);
        for (const message of messages) {
          if (message.type === 'Z') this.status = new Body(message.bytes).byte() as TransactionStatus;
          else if (message.type === 'E') this.last = errorOf(message);
        }
        if (messages.length > 0) await (this.own ?? this.relay)(messages);
      }
    } catch {
      // A connection that broke has ended like one that was closed.
    }
    throw this.last?.fields.get('S') === 'FATAL'
      ? this.last
      : new SqlError('57P01', 'the session of the database has ended: connect again');
  }

  /** Sends bytes; resolves once there is room for more. */
  async send(bytes: Buffer): Promise<void> {
    if (!this.socket.writable) return void (await this.ended);
    if (!this.socket.write(bytes)) await Promise.race([once(this.socket, 'drain'), this.ended]);
  }

  /** Sends messages of our own and gives all that comes until ReadyForQuery to `sink`, none of it to the client. */
  async exchange(bytes: Buffer, sink: Sink): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      this.own = async (messages) => {
        try {
          await sink(messages);
        } catch (error) {
          reject(error as Error);
        }
        if (messages.some(({ type }) => type === 'Z')) resolve();
      };
    });
    done.catch(() => undefined);
    try {
      await this.send(bytes);
      await Promise.race([done, this.ended]);
    } finally {
      this.own = undefined;
    }
  }

  /**
   * Runs a statement of our own in the session.
   * @throws UpstreamError as the database refuses
   */
  async query(sql: string, more: Buffer = query(sql)): Promise<Answer> {
    const rows: (string | null)[][] = [];
    let columns: Column[] = [];
    let tag = '';
    let count = 0;
    let failure: UpstreamError | undefined;
    await this.exchange(more, (messages) => {
      for (const message of messages) {
        if (message.type === 'T') columns = columnsOf(message);
        else if (message.type === 'D') rows.push(valuesOf(message));
        else if (message.type === 'C') ({ tag, rows: count } = completionOf(message));
        else if (message.type === 'E') failure = errorOf(message);
      }
    });
    if (failure) throw failure;
    return { columns, rows, tag, count };
  }

  close(): void {
    if (this.socket.writable) this.socket.end(terminate());
    else this.socket.destroy();
  }
}
