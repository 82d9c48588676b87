import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { EngineName } from '../../engine/engine.js';
import { startLocal, type LocalStack, type ServiceName } from '../../local/index.js';
import type { BenchContext } from '../scenario.js';

const FREE_PORTS = {
  ...{ temporal: 0, ui: 0, aws: 0, sagemaker: 0, slack: 0, redshift: 0, postgres: 0, warehouse: 0 },
  ...{ workerHealth: 0, workerMetrics: 0 },
};

/** Starts local mode in a temporary folder on free ports, uses it, and leaves nothing of it, whatever happens. */
export async function withStack<T>(
  { say, signal }: BenchContext,
  use: (stack: LocalStack) => Promise<T>,
  services?: readonly ServiceName[],
  engine?: EngineName,
): Promise<T> {
  const stateDir = await mkdtemp(join(tmpdir(), 'perennial-bench-'));
  try {
    say('starting local mode …');
    const options = { stateDir, ports: FREE_PORTS, services, engine, persist: false, signal, onProgress: say };
    const stack = await startLocal(options);
    try {
      signal.throwIfAborted();
      return await use(stack);
    } finally {
      await stack.stop();
    }
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
}

/** Uses a client of the stack's Temporal, and closes its connection. */
export async function withClient<T>(
  { urls }: Pick<LocalStack, 'urls'>,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const connection = await Connection.connect({ address: urls.temporal });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

/** Tells the local SageMaker to complete every job and deployment at once, without running a program. */
export async function completeAtOnce({ urls }: Pick<LocalStack, 'urls'>): Promise<void> {
  for (const kind of ['training-job', 'endpoint']) await addRule(urls.sagemaker, { kind, action: 'complete' });
}

/** Adds a control rule of the local SageMaker (docs/local-mode.md). Throws if it is refused. */
export async function addRule(sagemaker: string | undefined, rule: object): Promise<void> {
  const response = await fetch(`${sagemaker}/_local/rules`, { method: 'POST', body: JSON.stringify(rule) });
  if (!response.ok) throw new Error(`The local SageMaker refused ${JSON.stringify(rule)}: ${await response.text()}`);
}
