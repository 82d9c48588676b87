import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import httpProxy from 'http-proxy-3';
import type { Answer } from '../faults/answers.js';
import { listen } from '../faults/listen.js';
import { namedIn, s3Call, type Named, type S3Call } from './s3-call.js';

/** What becomes of a call that isn't simply passed on. */
export type Fault =
  /** S3 never sees it; this is answered. */
  | { readonly answer: Answer }
  /**
   * Of a DeleteObjects: S3 sees it without some of its entries. They come back as errors with a code, or, without one, as if they had been
   * deleted.
   */
  | { readonly without: (entry: Named) => boolean; readonly code?: string; readonly message?: string };

export interface S3Proxy {
  readonly url: string;
  /** Calls by operation, every one that came in: retries are counted too. */
  readonly calls: ReadonlyMap<string, number>;
  /** Sets the counts back to nothing. */
  recount(): void;
  /** Decides on each call from now on; undefined passes it on. */
  fault: (call: S3Call) => Fault | undefined;
  close(): Promise<void>;
}

/** A proxy before an S3 server on a free port of loopback: it counts calls, and does to them what `fault` says. */
export async function startS3Proxy(target: string): Promise<S3Proxy> {
  const proxy = httpProxy.createProxyServer({ target });
  const calls = new Map<string, number>();
  const pending = new WeakMap<IncomingMessage, (answer: IncomingMessage) => void>();
  proxy.on('proxyRes', (answer, request) => pending.get(request)?.(answer));
  const state: S3Proxy = {
    url: '',
    calls,
    recount: () => calls.clear(),
    fault: () => undefined,
    close: () => Promise.resolve(),
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const call = s3Call(request, body);
    calls.set(call.operation, (calls.get(call.operation) ?? 0) + 1);
    const fault = state.fault(call);
    const broken = () => response.destroy();
    if (!fault) return proxy.web(request, response, { buffer: Readable.from(body.length > 0 ? [body] : []) }, broken);
    if ('answer' in fault) return send(response, fault.answer);
    const kept = namedIn(body).filter((entry) => fault.without(entry));
    if (kept.length === 0) return proxy.web(request, response, { buffer: Readable.from([body]) }, broken);
    const rest = Buffer.from(kept.reduce((text, { xml }) => text.replace(xml, () => ''), body.toString('utf8')));
    // An empty request is an error of its own: S3 need not see it.
    if (namedIn(rest).length === 0) return send(response, amended('<DeleteResult></DeleteResult>', kept, fault));
    // These are about the body as it was.
    for (const name of Object.keys(request.headers))
      if (/^(content-md5|x-amz-checksum-\w+|x-amz-sdk-checksum-algorithm)$/.test(name)) delete request.headers[name];
    request.headers['content-length'] = String(rest.length);
    pending.set(request, (answer) => {
      buffer(answer).then(
        (text) => send(response, amended(text.toString('utf8'), kept, fault)),
        () => response.destroy(),
      );
    });
    proxy.web(request, response, { buffer: Readable.from([rest]), selfHandleResponse: true }, broken);
  }

  const server = createServer((request, response) => {
    // A client that is killed while it sends has made no call.
    handle(request, response).catch(() => response.destroy());
  });
  const { address, close } = await listen(server, () => server.closeAllConnections());
  return Object.assign(state, { url: `http://${address}`, close });
}

/** The answer of DeleteObjects, with an error for each entry that was kept back; without a code it says nothing of them, as a quiet one does. */
function amended(answer: string, kept: readonly Named[], fault: Extract<Fault, { without: unknown }>): Answer {
  const { code, message = 'We encountered an internal error. Please try again.' } = fault;
  const errors = kept.map(
    ({ xml }) =>
      `<Error>${xml.replaceAll(/<\/?Object>/g, '')}<Code>${code}</Code><Message>${message}</Message></Error>`,
  );
  const whole = answer.replace(/<(DeleteResult[^>]*?)\/>/, '<$1></DeleteResult>');
  const body = code === undefined ? whole : whole.replace('</DeleteResult>', `${errors.join('')}</DeleteResult>`);
  return { status: 200, headers: { 'content-type': 'application/xml', 'x-amz-request-id': 'proxy' }, body };
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
