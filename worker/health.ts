import { createServer, type Server } from 'node:http';
import type { Worker } from '@temporalio/worker';

/** `GET /health`: 200 while the worker polls, 503 otherwise, with its state and slots as JSON. */
export async function serveHealth(address: string, worker: Worker): Promise<Server> {
  const [, host, port] = /^(.*):(\d+)$/.exec(address) ?? [];
  const server = createServer((request, response) => {
    if (request.url !== '/health') {
      response.writeHead(404).end();
      return;
    }
    const status = worker.getStatus();
    response
      .writeHead(status.runState === 'RUNNING' ? 200 : 503, { 'content-type': 'application/json' })
      .end(JSON.stringify(status));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`WORKER_HEALTH_ADDRESS ${address} is taken; choose another port`)
          : error,
      ),
    );
    // An IPv6 address stands in brackets before the port, and without them in a call.
    server.listen(Number(port), host?.replace(/^\[|\]$/g, ''), resolve);
  });
  return server;
}
