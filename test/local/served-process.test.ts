import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Context, RunningContainer } from '../../local/sagemaker/context.js';
import { forward } from '../../local/sagemaker/endpoints/forward.js';
import { ServedProcess } from '../../local/sagemaker/endpoints/served-process.js';
import { temporaryFolder } from '../support/local.js';

describe('a program that has ended', () => {
  it('lets nobody wait for connections that outlive it, as those of a container can whose network goes', async () => {
    const stateDir = await temporaryFolder();
    const silent = createServer((request, response) => {
      if (request.url === '/ping') response.end();
      else silent.emit('reached');
    }).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const exit = { code: 0, signal: null };
    // Its end is known, and what belonged to it not cleared away yet.
    const container: RunningContainer = {
      pid: 0,
      url,
      ended,
      exited: new Promise(() => undefined),
      stop: async () => exit,
    };
    const ctx = {
      config: { host: '127.0.0.1', stateDir },
      log: pino({ level: 'silent' }),
      sandbox: { ownNetworks: true, start: async () => container },
    } as unknown as Context;
    const logFile = join(stateDir, 'log');
    const served = new ServedProcess(ctx, {
      image: 'i',
      modelDir: stateDir,
      env: {},
      logFile,
      startupTimeoutMs: 10_000,
    });
    await served.start();
    expect(served.url).toBe(url);
    const reached = once(silent, 'reached');
    const answer = forward(served, url, {
      headers: {},
      body: Buffer.from('row'),
      signal: new AbortController().signal,
    });
    await reached;
    end();
    await ended;
    expect(served.url).toBeUndefined();
    expect(['broken', 'stale']).toContain((await answer).kind);
    silent.closeAllConnections();
    silent.close();
  });
});
