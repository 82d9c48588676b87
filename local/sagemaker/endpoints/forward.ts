import { request, type IncomingHttpHeaders } from 'node:http';
import type { ServedProcess } from './served-process.js';

/** InvokeEndpoint's limit on request and response bodies, in bytes (AWS). */
export const BODY_LIMIT = 6_291_456;
/** How long a model may take to answer one invocation (AWS). */
export const INVOCATION_TIMEOUT_MS = 60_000;

/** What became of one attempt to have a process answer an invocation. */
export type Attempt =
  | { readonly kind: 'answered'; readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }
  /** Nothing listened: the request may go to another process. */
  | { readonly kind: 'refused' }
  /** A kept connection was closed under the request. If the program lives on, it had closed it before it saw anything. */
  | { readonly kind: 'stale'; readonly error: Error }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'too-large' }
  /** The program went away, or broke HTTP, after it got the request. */
  | { readonly kind: 'broken'; readonly error: Error };

export interface Invocation {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

/** Sends `POST /invocations` to a process over one of its kept connections. Never throws for what the program does. */
export function forward(
  process: Pick<ServedProcess, 'agent'>,
  url: string,
  invocation: Invocation,
  timeoutMs = INVOCATION_TIMEOUT_MS,
): Promise<Attempt> {
  return new Promise((resolve) => {
    const upstream = request(`${url}/invocations`, {
      method: 'POST',
      agent: process.agent,
      headers: { ...invocation.headers, 'content-length': invocation.body.length },
      signal: invocation.signal,
    });
    const finish = (attempt: Attempt): void => {
      clearTimeout(timer);
      resolve(attempt);
      if (attempt.kind !== 'answered') upstream.destroy();
    };
    const timer = setTimeout(() => finish({ kind: 'timed-out' }), timeoutMs);
    upstream.on('error', (error: NodeJS.ErrnoException) => {
      const reset = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      if (error.code === 'ECONNREFUSED') finish({ kind: 'refused' });
      else finish({ kind: upstream.reusedSocket && reset ? 'stale' : 'broken', error });
    });
    upstream.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > BODY_LIMIT) finish({ kind: 'too-large' });
      });
      response.on('error', (error) => finish({ kind: 'broken', error }));
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        finish({ kind: 'answered', status, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    upstream.end(invocation.body);
  });
}
