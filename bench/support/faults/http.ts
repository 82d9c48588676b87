import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import httpProxy from 'http-proxy-3';
import { PAGE, internalError, throttled, type Answer } from './answers.js';
import type { Call, CallBook, Trap } from './book.js';
import type { Sighting } from './calls.js';
import { listen, type Listening } from './listen.js';

/** How long a slow body takes at least: longer than any client waits. */
const SLOW_MS = 300_000;

type Answered = (answer: IncomingMessage) => void;

/** A proxy before one HTTP service: it enters each call into the book, and springs the trap set there. */
export function startHttpProxy(
  target: string,
  book: CallBook,
  sightingOf: (request: IncomingMessage, body: Buffer) => Sighting,
): Promise<Listening> {
  const proxy = httpProxy.createProxyServer({ target });
  const answered = new WeakMap<IncomingMessage, Answered>();
  proxy.on('proxyRes', (answer, request) => answered.get(request)?.(answer));

  /** Has the service answer; `take` gets the answer, and the client too unless `instead`. */
  function pass(request: IncomingMessage, body: Buffer, response: ServerResponse, take: Answered, instead = false) {
    answered.set(request, take);
    const options = { buffer: Readable.from(body.length > 0 ? [body] : []), selfHandleResponse: instead };
    proxy.web(request, response, options, () => response.destroy());
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const { call, trap } = book.enter(sightingOf(request, body));
    if (!trap) return pass(request, body, response, (answer) => note(call, answer));
    if (trap.kind === 'dropped after' || trap.kind === 'slow body') {
      const spring = (answer: IncomingMessage) => void afterwards(trap, call, answer, response);
      return pass(request, body, response, spring, true);
    }
    trap.sprung();
    instead(trap, call, response);
  }

  const server = createServer((request, response) => {
    // A client that is killed while it sends has made no call.
    handle(request, response).catch(() => response.destroy());
  });
  return listen(server, () => server.closeAllConnections());
}

/** What comes instead of a call that never reaches its service. */
function instead({ kind }: Trap, { service }: Call, response: ServerResponse): void {
  switch (kind) {
    case 'throttle':
      return send(response, throttled(service));
    case 'internal error':
      return send(response, internalError(service));
    case 'wrong body':
      return send(response, PAGE);
    case 'dropped before':
      response.socket?.resetAndDestroy();
      return;
    default:
      // Silence: it lasts until the client gives up.
      return;
  }
}

async function afterwards(trap: Trap, call: Call, answer: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await buffer(answer);
  Object.assign(call, { status: answer.statusCode, bytes: body.length });
  trap.sprung();
  if (trap.kind === 'dropped after') return void response.socket?.resetAndDestroy();
  response.writeHead(answer.statusCode ?? 200, { ...answer.headers, 'content-length': body.length });
  response.flushHeaders();
  let sent = 0;
  const drip = setInterval(
    () => {
      response.write(body.subarray(sent, sent + 1));
      sent += 1;
      if (sent < body.length) return;
      clearInterval(drip);
      response.end();
    },
    Math.max(1_000, SLOW_MS / body.length),
  );
  response.once('close', () => clearInterval(drip));
}

function note(call: Call, answer: IncomingMessage): void {
  Object.assign(call, { status: answer.statusCode, bytes: 0 });
  answer.on('data', (chunk: Buffer) => (call.bytes = (call.bytes ?? 0) + chunk.length));
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
