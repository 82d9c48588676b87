import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import httpProxy from 'http-proxy-3';
import { listen, type Listening } from '../../../bench/support/faults/listen.js';

/** A call of S3 as it passes by. */
export interface PassingCall {
  readonly operation: 'list' | 'delete' | 'uploads' | 'other';
  readonly method: string;
  /** May be changed. */
  url: string;
  body: string;
}

/** What comes instead of S3's answer. */
export interface FalseAnswer {
  readonly status: number;
  readonly body: string;
}

/** Before S3 on loopback: looks at every call, and changes it, answers it itself, or after it was done. */
export async function startS3Proxy(
  target: string,
  handle: (call: PassingCall) => FalseAnswer | undefined | Promise<FalseAnswer | undefined>,
): Promise<Listening & { readonly endpoint: string }> {
  const proxy = httpProxy.createProxyServer({ target });
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await buffer(request);
    const url = request.url ?? '/';
    const call: PassingCall = {
      operation: operationOf(request),
      method: request.method ?? 'GET',
      url,
      body: body.toString('latin1'),
    };
    const answer = await handle(call);
    if (answer) {
      response.writeHead(answer.status, { 'content-type': 'application/xml', 'x-amz-request-id': 'proxy' });
      response.end(answer.body);
      return;
    }
    request.url = call.url;
    const sent = Buffer.from(call.body, 'latin1');
    request.headers['content-length'] = String(sent.length);
    proxy.web(request, response, { buffer: Readable.from(sent.length > 0 ? [sent] : []) }, () => response.destroy());
  };
  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()));
  const listening = await listen(server, () => server.closeAllConnections());
  return { ...listening, endpoint: `http://${listening.address}` };
}

function operationOf({ method, url = '' }: IncomingMessage): PassingCall['operation'] {
  const query = new URL(url, 'http://s3').searchParams;
  if (query.has('versions')) return 'list';
  if (query.has('uploads') && method === 'GET') return 'uploads';
  return query.has('delete') || method === 'DELETE' ? 'delete' : 'other';
}

/** So few entries a page: what goes over pages needs no thousands of objects. */
export function smallPages(call: PassingCall, entries: number): void {
  call.url = call.url.replace(/max-keys=\d+/, `max-keys=${entries}`);
}

export const s3Error = (status: number, code: string, message = code): FalseAnswer => ({
  status,
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
});

/** An answer of DeleteObjects with an error for each of the entries. */
export const deleteErrors = (code: string, entries: readonly { key: string; versionId: string }[]): FalseAnswer => ({
  status: 200,
  body: `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${entries
    .map(
      ({ key, versionId }) =>
        `<Error><Key>${key}</Key><VersionId>${versionId}</VersionId><Code>${code}</Code><Message>${code}</Message></Error>`,
    )
    .join('')}</DeleteResult>`,
});

/** The entries of a bulk delete, in its order. */
export const entriesOf = ({ body }: PassingCall): { key: string; versionId: string }[] =>
  [...body.matchAll(/<Object>(.*?)<\/Object>/gs)].map(([, inner = '']) => ({
    key: /<Key>(.*?)<\/Key>/s.exec(inner)?.[1] ?? '',
    versionId: /<VersionId>(.*?)<\/VersionId>/.exec(inner)?.[1] ?? 'null',
  }));
