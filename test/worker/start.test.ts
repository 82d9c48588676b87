import { ListModelsCommand } from '@aws-sdk/client-sagemaker';
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import { packagePath } from '../../local/paths.js';
import { createAwsClients } from '../../worker/clients.js';
import { exampleDefinition } from '../support/definitions.js';

const servers: Server[] = [];
const workers: ChildProcess[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const worker of workers.splice(0)) worker.kill('SIGKILL');
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** The address of a server that is in the way. */
async function takenAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An address that nothing listens on any more. */
async function freeAddress(): Promise<string> {
  const address = await takenAddress();
  const server = servers.pop();
  await new Promise((resolve) => server?.close(resolve));
  return address;
}

/** A compiled worker whose database is out, on a task queue of its own. */
function start(env: Record<string, string> = {}) {
  const { address, namespace } = inject('temporal');
  const child = spawn(process.execPath, [packagePath('dist', 'worker', 'main.js')], {
    env: {
      PATH: process.env.PATH,
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: inject('aws').endpoint,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: namespace,
      DATABASE_URL: 'postgres://perennial:open-sesame@127.0.0.1:1/ledger',
      PERENNIAL_TASK_QUEUE: `start-${process.pid}-${workers.length}`,
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  workers.push(child);
  let output = '';
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, ended, output: () => output };
}

describe('a worker that starts', () => {
  it('without Temporal: ends with a sentence that names the address', async () => {
    const address = await freeAddress();
    const worker = start({ TEMPORAL_ADDRESS: address });
    expect(await worker.ended).toBe(1);
    expect(worker.output()).toContain(`Temporal at ${address} can't be reached`);
  });

  it.each(['WORKER_HEALTH_ADDRESS', 'WORKER_METRICS_ADDRESS'])('with %s taken: ends, and says so', async (name) => {
    const address = await takenAddress();
    const worker = start({ [name]: address });
    expect(await worker.ended).toBe(1);
    expect(worker.output()).toContain(`${name} ${address}`);
  });

  it('without its database: goes on, says how to make up for it, and shows no password', async () => {
    const health = await freeAddress();
    const worker = start({ WORKER_HEALTH_ADDRESS: health });
    await expect
      .poll(
        () =>
          fetch(`http://${health}/health`).then(
            (answer) => answer.status,
            () => 0,
          ),
        { timeout: 40_000 },
      )
      .toBe(200);
    await expect.poll(() => worker.output(), { timeout: 10_000 }).toContain('perennial ledger rebuild');
    expect(worker.output()).not.toContain('open-sesame');
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toBe(0);
  });
});

describe('a worker that stops', () => {
  it('while it still waits for Temporal, by its own doing: the first process of a container is not ended by the system', async () => {
    const reached: Socket[] = [];
    const silent = createTcpServer((socket) => reached.push(socket.on('error', () => undefined))).listen(
      0,
      '127.0.0.1',
    );
    await new Promise((resolve) => silent.once('listening', resolve));
    const worker = start({ TEMPORAL_ADDRESS: `127.0.0.1:${(silent.address() as AddressInfo).port}` });
    await expect.poll(() => reached.length, { timeout: 40_000 }).toBeGreaterThan(0);
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toBe(143);
    reached.forEach((socket) => socket.destroy());
    silent.close();
  });

  it('gives up on an activity that outlives the grace time, and ends', async () => {
    let reached = 0;
    const silent = createServer(() => void (reached += 1)).listen(0, '127.0.0.1');
    servers.push(silent);
    await new Promise((resolve) => silent.once('listening', resolve));
    const taskQueue = `stop-${process.pid}`;
    const worker = start({
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      PERENNIAL_TASK_QUEUE: taskQueue,
      WORKER_SHUTDOWN_GRACE_SECONDS: '1',
    });
    const { address, namespace } = inject('temporal');
    const connection = await Connection.connect({ address });
    const definition = exampleDefinition({ name: taskQueue });
    const run = await new Client({ connection, namespace }).workflow.start('preview', {
      taskQueue,
      workflowId: taskQueue,
      args: [{ definition, request: { trigger: 'manual' } }],
    });
    await expect.poll(() => reached, { timeout: 40_000 }).toBeGreaterThan(0);
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toBe(1);
    silent.closeAllConnections();
    await run.terminate('end of the test');
    await connection.close();
  });
});

it('ends a request of AWS that hangs, in place of a warning', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  servers.push(silent);
  await new Promise((resolve) => silent.once('listening', resolve));
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  const clients = createAwsClients({ region: 'us-east-1' });
  const answer = clients.sagemaker.send(new ListModelsCommand({}), { requestTimeout: 50 });
  await expect(answer).rejects.toMatchObject({ name: 'TimeoutError' });
  clients.destroy();
  silent.closeAllConnections();
});
