import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { z } from 'zod';
import { LOOPBACK } from '../addresses.js';
import { callMethod } from './api.js';
import type { SlackSinkConfig } from './config.js';
import { Fault, Faults } from './faults.js';
import { Messages } from './messages.js';
import { renderMessages, renderPage } from './page.js';

export interface SlackSink {
  readonly port: number;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 1024 * 1024;

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const isText = typeof body === 'string';
  response.writeHead(status, {
    'content-type': isText ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
    ...headers,
  });
  response.end(isText ? body : JSON.stringify(body));
}

/** A request's body as Slack takes it: a form or JSON. Undefined if it is neither. */
function parseBody(contentType: string, body: string): Record<string, unknown> | undefined {
  if (!contentType.startsWith('application/json')) return Object.fromEntries(new URLSearchParams(body));
  try {
    const value: unknown = JSON.parse(body || '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

async function read(request: IncomingMessage): Promise<string | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return undefined;
  return readText(request);
}

/**
 * The Slack sink. `/api/<method>` is Slack's Web API, `/` a page for people, `GET /messages` the same as JSON.
 * `PUT /_local/fault` with a Fault makes the API limit, refuse, hang or fail; `DELETE /_local/fault` ends that.
 */
export async function startSlackSink({ host = LOOPBACK, port, file }: SlackSinkConfig): Promise<SlackSink> {
  const messages = new Messages(file);
  const faults = new Faults();

  async function api(method: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await read(request);
    const fault = faults.take();
    // Hangs until the client gives up.
    if (fault?.mode === 'timeout') return;
    if (fault?.mode === 'rate-limit')
      return send(response, 429, { ok: false, error: 'ratelimited' }, { 'retry-after': String(fault.retryAfter) });
    if (fault?.mode === 'outage') return send(response, fault.status, 'Slack is having trouble');
    if (fault?.mode === 'error') return send(response, 200, { ok: false, error: fault.error });
    if (body === undefined) return send(response, 200, { ok: false, error: 'request_too_large' });
    const input = parseBody(request.headers['content-type'] ?? '', body);
    if (input === undefined) return send(response, 200, { ok: false, error: 'invalid_json' });
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const token = bearer ?? (typeof input.token === 'string' ? input.token : undefined);
    send(response, 200, callMethod(method, token, input, messages));
  }

  async function control(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'PUT') {
      const fault = Fault.safeParse(parseBody('application/json', (await read(request)) ?? ''));
      if (!fault.success) return send(response, 400, { error: z.prettifyError(fault.error) });
      faults.set(fault.data);
    } else if (request.method === 'DELETE') {
      faults.set(undefined);
    }
    send(response, 200, { fault: faults.current ?? null });
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const method = /^\/api\/([\w.]+)$/.exec(path)?.[1];
    if (method !== undefined) return api(method, request, response);
    switch (path) {
      case '/':
        return send(response, 200, renderPage(messages.all()));
      case '/fragment':
        return send(response, 200, renderMessages(messages.all()));
      case '/messages':
        return send(response, 200, { messages: messages.all() });
      case '/_local/health':
        return send(response, 200, { status: 'ok', messages: messages.all().length });
      case '/_local/fault':
        return control(request, response);
      default:
        return send(response, 404, { error: `There is no ${path} here; see /, /messages and /api/chat.postMessage.` });
    }
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      process.stderr.write(
        `${request.method} ${request.url}: ${error instanceof Error ? error.stack : String(error)}\n`,
      );
      if (!response.headersSent) send(response, 500, { ok: false, error: 'internal_error' });
    });
  });
  await listen(server, host, port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}
