import type { Message } from '../protocol/frames.js';
import { Body, parse, sync } from '../protocol/messages.js';
import { readStatements, type Statement } from '../sql/statement.js';
import type { Outlet } from './outlet.js';
import type { Session } from './session.js';

const EMPTY: Statement = { kind: 'relay', text: '', tokens: [], sql: '', type: 'OTHER', endsOrBegins: false };

/**
 * The extended protocol. PostgreSQL sees a statement of Redshift's own as an empty one, so that it answers everything but its execution;
 * that is carried out here, between a Sync of ours and the client's.
 */
export class Extended {
  private readonly prepared = new Map<string, Statement>();
  private readonly portals = new Map<string, Statement>();
  /** After an error everything up to the client's Sync is passed over. */
  private skipping = false;

  constructor(
    private readonly session: Session,
    private readonly client: Outlet,
  ) {}

  async handle(message: Message): Promise<void> {
    const { session } = this;
    const { relay, upstream } = session;
    if (message.type === 'S') {
      this.skipping = false;
      await relay.untilReady(message.bytes, true);
      return;
    }
    if (this.skipping) return;
    const body = new Body(message.bytes);
    switch (message.type) {
      case 'P':
        return upstream.send(this.parse(body));
      case 'B': {
        const portal = body.text();
        this.portals.set(portal, this.prepared.get(body.text()) ?? EMPTY);
        return upstream.send(message.bytes);
      }
      case 'E':
        return this.execute(this.portals.get(body.text()) ?? EMPTY, message);
      // Describe, Close and Flush; what else a client might send PostgreSQL refuses itself.
      default:
        return upstream.send(message.bytes);
    }
  }

  private parse(body: Body): Buffer {
    const name = body.text();
    const text = body.text();
    const types = body.rest();
    const [statement = EMPTY, ...others] = readStatements(text);
    if (others.length > 0) {
      this.prepared.set(name, { ...EMPTY, text });
      return parse(name, text, types);
    }
    this.prepared.set(name, statement);
    return statement.kind === 'relay' ? parse(name, statement.sql, types) : parse(name, '');
  }

  private async execute(statement: Statement, message: Message): Promise<void> {
    const { session } = this;
    const { relay, upstream } = session;
    if (statement.kind === 'relay') {
      if (statement !== EMPTY) {
        const entry = await session.begin(statement);
        relay.expect({ entry, untilReady: false, finish: (tag) => session.finish(statement, entry, tag) });
      }
      return upstream.send(message.bytes);
    }
    const ok = (await relay.untilReady(sync(), false)) && (await session.command(statement));
    this.skipping = !ok;
  }
}
