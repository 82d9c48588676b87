import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { History } from '../database/history.js';
import type { Warehouse } from './cluster.js';
import { ApiError } from './error.js';
import { answerJson } from './json-api.js';
import { answerQuery } from './query-api.js';

const LARGEST_BODY = 1024 * 1024;

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= LARGEST_BODY) chunks.push(chunk);
  }
  if (size > LARGEST_BODY) throw new ApiError('RequestEntityTooLarge', `the body is over ${LARGEST_BODY} bytes`, 413);
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

const sendJson = (response: ServerResponse, status: number, body: object) =>
  send(response, status, 'application/x-amz-json-1.1', JSON.stringify(body));

/**
 * The control plane: Redshift's Query protocol and Redshift Serverless's JSON on one port, and the surface for tests:
 * `GET /_local/health`, `GET /_local/statements[?label=…]`, `POST /_local/credentials/expire`.
 */
export function controlServer(warehouse: Warehouse, history: History, log: Logger): Server {
  async function surface(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /_local/health':
        return sendJson(response, 200, { status: 'ok' });
      case 'GET /_local/statements':
        return sendJson(response, 200, {
          statements: await history.statements(url.searchParams.get('label') ?? undefined),
        });
      case 'POST /_local/credentials/expire':
        return sendJson(response, 200, { expired: warehouse.credentials.expire() });
      default:
        throw new ApiError('NotFound', `There is no ${request.method} ${url.pathname} here.`, 404);
    }
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname.startsWith('/_local/')) return surface(request, response, url);
    const body = await bodyOf(request);
    const target = request.headers['x-amz-target'];
    if (target !== undefined) return sendJson(response, 200, answerJson(String(target), body, warehouse));
    const { status, body: answer } = answerQuery(new URLSearchParams(body || url.search), warehouse);
    send(response, status, 'text/xml', answer);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (!(error instanceof ApiError)) log.error({ err: error, url: request.url }, 'request failed');
      const { code, message, status } =
        error instanceof ApiError ? error : new ApiError('InternalFailure', String(error), 500);
      if (response.headersSent) response.destroy();
      else sendJson(response, status, { __type: code, message });
    });
  });
  // Longer than clients keep a connection: one that closes while a request is on its way loses it.
  server.keepAliveTimeout = 120_000;
  server.headersTimeout = 125_000;
  return server;
}
