import type { IncomingMessage, ServerResponse } from 'node:http';

/** Answers a request, whose body was read already, as the service at `base` answers it. */
export async function forward(
  base: string,
  request: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  const kept = ['content-type', 'x-amz-target', 'accept'].flatMap((name) => {
    const value = request.headers[name];
    return typeof value === 'string' ? [[name, value] as [string, string]] : [];
  });
  const answer = await fetch(`${base}${request.url}`, {
    method: request.method,
    headers: kept,
    body: new Uint8Array(body),
  });
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.end(Buffer.from(await answer.arrayBuffer()));
}
