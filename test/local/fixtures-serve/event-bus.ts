import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

interface SentEvent {
  readonly type: string;
  readonly resources: string[];
  readonly detail: Record<string, unknown>;
}

/** Takes PutEvents in place of EventBridge, and keeps what it got in the order it came. */
export class EventBus {
  readonly events: SentEvent[] = [];
  readonly #server = createServer((req, res) => {
    void text(req).then((body) => {
      const { Entries } = JSON.parse(body) as {
        Entries: { DetailType: string; Resources: string[]; Detail: string }[];
      };
      for (const entry of Entries) {
        const detail = JSON.parse(entry.Detail) as Record<string, unknown>;
        this.events.push({ type: entry.DetailType, resources: entry.Resources, detail });
      }
      res.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
      res.end(JSON.stringify({ FailedEntryCount: 0, Entries: Entries.map(() => ({ EventId: '1' })) }));
    });
  });

  /** Its URL, once it listens. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
