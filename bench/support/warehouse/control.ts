import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Answer } from '../faults/answers.js';
import type { CallBook } from '../faults/book.js';
import { listen } from '../faults/listen.js';

/** What becomes of an answer of the control plane before the worker has it. */
type Change = (action: string, answer: Answer) => Answer | undefined | Promise<Answer | undefined>;

export interface ControlProxy {
  readonly url: string;
  /** Undefined leaves an answer as it is. */
  change: Change;
  /** Every password that was given out. */
  readonly passwords: ReadonlySet<string>;
  close(): Promise<void>;
}

/** A proxy before Redshift's control plane that knows the passwords it gives out. */
export async function startControlProxy(target: string, book: CallBook): Promise<ControlProxy> {
  const passwords = new Set<string>();
  const state = { change: (() => undefined) as Change, passwords };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const action = new URLSearchParams(body).get('Action') ?? '';
    const { trap } = book.enter({ service: 'Redshift', operation: action, resource: '' });
    const dropped = () => {
      trap?.sprung();
      response.socket?.resetAndDestroy();
    };
    if (trap?.kind === 'dropped before') return dropped();
    const answer = await asked(target, request, body);
    for (const [, password = ''] of answer.body.matchAll(/<DbPassword>(.+?)<\/DbPassword>/g)) passwords.add(password);
    if (trap) return dropped();
    const told = (await state.change(action, answer)) ?? answer;
    response.writeHead(told.status, { ...told.headers, 'content-length': Buffer.byteLength(told.body) });
    response.end(told.body);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  const { address, close } = await listen(server, () => server.closeAllConnections());
  return Object.assign(state, { url: `http://${address}`, close });
}

async function asked(target: string, { headers }: IncomingMessage, body: string): Promise<Answer> {
  const type = headers['content-type'] ?? '';
  const answer = await fetch(target, { method: 'POST', body, headers: { 'content-type': type } });
  return { status: answer.status, headers: { 'content-type': 'text/xml' }, body: await answer.text() };
}
