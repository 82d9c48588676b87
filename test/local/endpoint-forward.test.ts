import { Agent } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { forward } from '../../local/sagemaker/endpoints/forward.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok';

describe('forward', () => {
  const agent = new Agent({ keepAlive: true });
  let server: Server | undefined;
  afterEach(() => {
    agent.destroy();
    server?.close();
  });

  /** Listens, and lets `answer` deal with the n-th request, counted from 0; returns the URL. */
  const listen = (answer: (socket: Socket, request: number) => void): Promise<string> => {
    let requests = 0;
    const listening = createServer((socket) => {
      socket.on('data', () => answer(socket, requests++));
      // A reset of ours is what some of these tests are about.
      socket.on('error', () => undefined);
    });
    server = listening;
    return new Promise((resolve) => {
      listening.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(listening.address() as AddressInfo).port}`));
    });
  };
  const send = (url: string, timeoutMs?: number, signal = new AbortController().signal) =>
    forward({ agent }, url, { headers: {}, body: Buffer.from('x'), signal }, timeoutMs);

  it('keeps connections, and tells a stale one from a broken answer', async () => {
    const url = await listen((socket, request) => (request === 0 ? socket.write(OK) : socket.destroy()));
    expect(await send(url)).toMatchObject({ kind: 'answered', status: 200, body: Buffer.from('ok') });
    expect(await send(url)).toMatchObject({ kind: 'stale' });
    expect(await send(url)).toMatchObject({ kind: 'broken' });
  });

  it('reports a refused connection, a time-out, and a client that has gone', async () => {
    const url = await listen(() => undefined);
    expect(await send(url, 50)).toEqual({ kind: 'timed-out' });
    const gone = new AbortController();
    const waiting = send(url, undefined, gone.signal);
    gone.abort();
    expect(await waiting).toMatchObject({ kind: 'broken' });
    await new Promise((resolve) => server?.close(resolve));
    expect(await send(url)).toEqual({ kind: 'refused' });
  });
});
