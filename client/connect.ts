import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEnv } from 'node:util';
import { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { TASK_QUEUE } from '../contracts/names.js';
import { CliError, EXIT, innermost } from './errors.js';
import type { Terminal } from './terminal.js';

/** Where `perennial up` says how to reach local mode, in the working folder. */
const LOCAL_ENV = join('.perennial', 'env');

export const taskQueue = (env: NodeJS.ProcessEnv) => env['PERENNIAL_TASK_QUEUE'] ?? TASK_QUEUE;

/**
 * Where no Temporal is configured, local mode's is: the variables of `.perennial/env` stand in for those that are not set, those of
 * AWS too. Says so on stderr.
 */
async function useLocalMode(terminal: Terminal): Promise<void> {
  const { env } = terminal;
  if (['TEMPORAL_ADDRESS', 'TEMPORAL_CONFIG_FILE', 'TEMPORAL_PROFILE'].some((name) => env[name])) return;
  const text = await readFile(join(terminal.cwd, LOCAL_ENV), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new CliError(`${LOCAL_ENV} cannot be read: ${error.message}`, EXIT.unreachable);
  });
  if (text === undefined) return;
  const local = parseEnv(text);
  // Temporal's default address may be another stack's by now.
  if (!local['TEMPORAL_ADDRESS']) {
    throw new CliError(
      `${LOCAL_ENV} is not whole: it names no TEMPORAL_ADDRESS. \`perennial down\` and \`perennial up\` write it anew`,
      EXIT.unreachable,
    );
  }
  for (const [name, value] of Object.entries(local)) env[name] ||= value;
  terminal.err(`using local mode (${LOCAL_ENV}): Temporal at ${env['TEMPORAL_ADDRESS']}\n`);
}

/** gRPC's status of a server that is away. */
const UNAVAILABLE = 14;

/**
 * Calls that fail in passing are tried again. The SDK's own retrying leaves a timer behind where another call has given up, and a channel that is
 * closed meanwhile makes it an uncaught error: `settled` waits until the last timer has passed, with none after it.
 */
function retrying() {
  const usual = defaultGrpcRetryOptions();
  // As patient as the usual, in shorter steps: nobody waits long for a timer.
  const away = defaultGrpcRetryOptions({ maxAttempts: 23 });
  let until = 0;
  let closing = false;
  const interceptor = makeGrpcRetryInterceptor({
    retryableDecider: (attempt, status) =>
      !closing && (status.code === UNAVAILABLE ? away : usual).retryableDecider(attempt, status),
    delayFunction: (attempt, status) => {
      const delay = Math.min(usual.delayFunction(attempt, status), status.code === UNAVAILABLE ? 1_000 : Infinity);
      until = Math.max(until, Date.now() + delay);
      return delay;
    },
  });
  const settled = async () => {
    closing = true;
    const left = until - Date.now();
    if (left > 0) await sleep(left + 50);
  };
  return { interceptor, settled };
}

/** A connected client, and what ends it. Configured by TEMPORAL_* variables or Temporal's configuration file. */
async function connect(terminal: Terminal): Promise<{ client: Client; close: () => Promise<void> }> {
  await useLocalMode(terminal);
  const overrideEnvVars = Object.fromEntries(
    Object.entries(terminal.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars });
  const { address = '127.0.0.1:7233', tls, apiKey, metadata } = connectionOptions;
  try {
    const { interceptor, settled } = retrying();
    const connection = await Connection.connect({
      ...{ address, tls, apiKey, metadata, connectTimeout: '5s' },
      interceptors: [interceptor],
    });
    const close = async () => {
      await settled();
      await connection.close();
    };
    return { client: new Client({ connection, ...(namespace ? { namespace } : {}) }), close };
  } catch (error) {
    throw new CliError(
      `Temporal does not answer at ${address}: start local mode with \`perennial up\`, or set TEMPORAL_ADDRESS to where it runs (${innermost(error)})`,
      EXIT.unreachable,
      { cause: error },
    );
  }
}

/** Runs `use` with a connected client and closes the connection after. */
export async function withClient<T>(terminal: Terminal, use: (client: Client) => Promise<T>): Promise<T> {
  const { client, close } = await connect(terminal);
  try {
    return await use(client);
  } finally {
    await close();
  }
}

/** Fails at once, in one sentence, where nobody would answer: no worker has asked for work in the last minutes. */
export async function requireWorker(client: Client, env: NodeJS.ProcessEnv): Promise<void> {
  const queue = taskQueue(env);
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: queue },
    taskQueueType: 1, // workflow tasks
  });
  if ((pollers ?? []).length > 0) return;
  throw new CliError(
    `no worker listens on task queue "${queue}": start one (\`perennial up\`), or set PERENNIAL_TASK_QUEUE to the queue it uses`,
    EXIT.unreachable,
  );
}

/** Where the Temporal UI shows a workflow, if TEMPORAL_UI_URL says where the UI is. */
export function uiUrl(client: Client, env: NodeJS.ProcessEnv, workflowId: string, runId: string): string | undefined {
  const base = env['TEMPORAL_UI_URL']?.replace(/\/$/, '');
  if (!base) return undefined;
  const path = [client.options.namespace, 'workflows', encodeURIComponent(workflowId), runId, 'history'].join('/');
  return `${base}/namespaces/${path}`;
}
