import type { Duplex } from 'node:stream';
import type { Entry, History, SessionRef } from '../database/history.js';
import { Frames, type Message } from '../protocol/frames.js';
import { errorResponse, fatalResponse, query, readyForQuery, SqlError } from '../protocol/messages.js';
import type { Upstream } from '../protocol/upstream.js';
import { DEFAULT_LABEL, readStatements, type Statement } from '../sql/statement.js';
import { Extended } from './extended.js';
import type { Transfers } from '../transfer/index.js';
import { Outlet } from './outlet.js';
import { Relay } from './relay.js';
import { carryOut } from './commands.js';

/** What sessions share. */
export interface Shared {
  readonly history: History;
  readonly transfers: Transfers;
  /** Asks the database to cancel what a session runs. */
  readonly cancel: (upstream: Upstream) => void;
}

/** One client's session: its statements one after another, whether the client still listens or not. */
export class Session {
  readonly relay: Relay;
  readonly ref: SessionRef;
  private readonly client: Outlet;
  private readonly extended: Extended;
  private label = DEFAULT_LABEL;
  private labelIsLocal = false;
  /** The label before the transaction that is open. */
  private outerLabel = DEFAULT_LABEL;
  private transaction = 0;

  constructor(
    private readonly socket: Duplex,
    readonly upstream: Upstream,
    readonly role: string,
    readonly shared: Shared,
  ) {
    this.client = new Outlet(socket);
    this.ref = { role, pid: upstream.pid };
    this.relay = new Relay(this.client, upstream);
    this.extended = new Extended(this, this.client);
  }

  /** Until the client leaves and what it asked for is done, or the database ends the session. */
  async run(): Promise<void> {
    const frames = new Frames();
    this.upstream.ended.catch(() => this.client.end());
    try {
      for await (const chunk of this.socket as AsyncIterable<Buffer>)
        for (const message of frames.push(chunk)) {
          if (message.type === 'X') return;
          await this.handle(message);
        }
    } catch (error) {
      // What the relay handed on is told already; what we asked ourselves is not.
      if (!this.relay.failed && error instanceof SqlError) await this.client.write(fatalResponse(error));
    } finally {
      this.client.end();
      this.upstream.close();
    }
  }

  private async handle(message: Message): Promise<void> {
    if (message.type !== 'Q') return this.extended.handle(message);
    await this.simple(message.bytes.toString('utf8', 5, message.bytes.length - 1));
  }

  private async simple(text: string): Promise<void> {
    const statements = readStatements(text);
    const own = (one: Statement) => one.kind !== 'relay' || one.label !== undefined;
    const [first] = statements;
    if (first && (statements.length === 1 || statements.some(own))) {
      await this.sequence(statements);
      return this.client.write(readyForQuery(this.upstream.status));
    }
    if (!first) return void (await this.relay.untilReady(query(text), true));
    const sql = statements.map((one) => one.sql).join(';\n');
    await this.relayed({ ...first, text, sql }, query(sql), true);
  }

  /** Statements of one request, each by itself; in one transaction, as PostgreSQL has it, where they open none. */
  private async sequence(statements: readonly Statement[]): Promise<void> {
    const together =
      statements.length > 1 && this.upstream.status === 'I' && !statements.some(({ endsOrBegins }) => endsOrBegins);
    if (together) await this.upstream.query('BEGIN');
    let ok = true;
    for (const statement of statements) {
      ok =
        statement.kind === 'relay'
          ? await this.relayed(statement, query(statement.sql), false)
          : await this.command(statement);
      if (!ok) break;
    }
    if (!together) return;
    await this.upstream
      .query(ok ? 'COMMIT' : 'ROLLBACK')
      .catch((error: SqlError) => this.client.write(errorResponse(error)));
  }

  private async relayed(statement: Statement, bytes: Buffer, forward: boolean): Promise<boolean> {
    const entry = await this.begin(statement);
    this.relay.expect({ entry, untilReady: true, finish: (tag) => this.finish(statement, entry, tag) });
    return this.relay.untilReady(bytes, forward);
  }

  /** A statement that PostgreSQL does not know, carried out here. The client is told its outcome, but not that we are ready. */
  async command(statement: Statement): Promise<boolean> {
    const entry = await this.begin(statement);
    const { outcome, error } = await carryOut(this, statement, entry);
    if (error) entry.error = error;
    await this.finish(statement, entry, undefined);
    await this.client.write(error ? errorResponse(error) : outcome);
    return !error;
  }

  async begin(statement: Statement): Promise<Entry> {
    const { history } = this.shared;
    if (this.upstream.status === 'I' || this.transaction === 0) this.transaction = await history.transaction();
    return history.begin(this.ref, this.label, this.transaction, statement);
  }

  async finish(statement: Statement, entry: Entry, tag: string | undefined): Promise<void> {
    if (!entry.error) this.keepLabel(statement, tag);
    await this.shared.history.end(entry);
  }

  /** query_group follows its transaction: gone with it, where that is rolled back or the setting was local. */
  private keepLabel({ label, labelIsLocal = false, tokens }: Statement, tag: string | undefined): void {
    const first = tokens[0]?.text.toUpperCase();
    const inside = this.upstream.status !== 'I';
    if (first === 'BEGIN' || first === 'START') this.outerLabel = this.label;
    if (label !== undefined && (inside || !labelIsLocal)) {
      [this.label, this.labelIsLocal] = [label, labelIsLocal];
      if (!inside) this.outerLabel = label;
    }
    const ends = tag === 'ROLLBACK' || tag === 'COMMIT';
    if (ends && !inside && (tag === 'ROLLBACK' || this.labelIsLocal)) this.label = this.outerLabel;
    if (ends) this.labelIsLocal = false;
  }
}
