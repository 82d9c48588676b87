import type { Entry } from '../database/history.js';
import type { Message } from '../protocol/frames.js';
import { completionOf, errorOf, SqlError, type UpstreamError } from '../protocol/messages.js';
import type { Upstream } from '../protocol/upstream.js';
import type { Outlet } from './outlet.js';

/** A statement on its way through the database. */
export interface Running {
  readonly entry: Entry;
  /** Whether several completions may belong to it: the statements of one simple query. */
  readonly untilReady: boolean;
  /** Writes down how it ended. */
  finish(tag: string | undefined): Promise<void>;
}

const skipped = () => new SqlError('25P02', 'skipped: a statement before it in the same request failed');

/** Hands what the database says to the client, and to the history what of it counts. */
export class Relay {
  /** Whether an error has come since the database was last ready. */
  failed = false;
  private readonly running: Running[] = [];
  private endings: Promise<void>[] = [];
  private tag: string | undefined;
  private waiting: { forward: boolean; resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(
    private readonly client: Outlet,
    private readonly upstream: Upstream,
  ) {
    upstream.relay = (messages) => this.take(messages);
    upstream.ended.catch(async (error: SqlError) => {
      for (const { entry } of this.running) entry.error ??= error;
      await this.finishAll().catch(() => undefined);
      this.waiting?.reject(error);
    });
  }

  expect(running: Running): void {
    this.running.push(running);
  }

  /**
   * Sends what makes the database answer with ReadyForQuery, and waits for it.
   * @param forward whether the client is told that it is ready
   * @returns whether all went well
   * @throws SqlError if the session ended
   */
  async untilReady(bytes: Buffer, forward: boolean): Promise<boolean> {
    const ready = new Promise<void>((resolve, reject) => (this.waiting = { forward, resolve, reject }));
    ready.catch(() => undefined);
    await this.upstream.send(bytes);
    await ready;
    this.waiting = undefined;
    const ok = !this.failed;
    this.failed = false;
    return ok;
  }

  private async take(messages: readonly Message[]): Promise<void> {
    const out: Buffer[] = [];
    for (const message of messages) {
      if (message.type === 'Z') {
        await this.client.write(...out.splice(0));
        await this.ready(message.bytes);
        continue;
      }
      this.count(message);
      out.push(message.bytes);
    }
    await this.client.write(...out);
  }

  private async ready(bytes: Buffer): Promise<void> {
    await this.finishAll();
    const { waiting } = this;
    if (waiting?.forward ?? true) await this.client.write(bytes);
    waiting?.resolve();
  }

  private count(message: Message): void {
    const [current] = this.running;
    switch (message.type) {
      case 'D':
        if (current) {
          current.entry.rows += 1;
          current.entry.bytes += message.bytes.length;
        }
        return;
      case 'E':
        this.fail(errorOf(message));
        return;
      case 'C':
        this.tag = completionOf(message).tag;
        if (current && !current.untilReady) this.complete();
        return;
      // An empty query, and a portal with more rows to come: its statement has been carried out as far as it was asked to be.
      case 'I':
      case 's':
        if (current && !current.untilReady) this.complete();
        return;
    }
  }

  private complete(): void {
    const done = this.running.shift();
    if (done) this.endings.push(done.finish(this.tag));
    this.tag = undefined;
  }

  private fail(error: UpstreamError): void {
    this.failed = true;
    const [current, ...others] = this.running;
    if (current) current.entry.error = error;
    for (const { entry } of others) entry.error = skipped();
  }

  private async finishAll(): Promise<void> {
    while (this.running.length > 0) this.complete();
    await Promise.all(this.endings.splice(0));
    this.tag = undefined;
  }
}
