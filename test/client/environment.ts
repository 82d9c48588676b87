import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { inject, vi } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import { SEARCH_ATTRIBUTES } from '../../contracts/names.js';
import { createTriggerActivities } from '../../activities/trigger.js';
import { requireWorker } from '../../client/connect.js';
import { until } from '../support/local.js';
import { script } from '../support/scripted-activities.js';
import { quietRuntime } from '../support/time-skipping.js';
import { testWorker } from '../support/worker.js';
import { call, temporaryFolder } from './terminal.js';

/** IndexedValueType of the server's API. */
const KEYWORD = 2;

export interface ClientEnvironment {
  readonly client: Client;
  /** What the command line sees of its environment. */
  readonly env: NodeJS.ProcessEnv;
  /** Replaces single activities from now on. */
  override(activities: Partial<Activities>): void;
  /** Ends the worker, for what happens without one. */
  stopWorker(): Promise<void>;
  close(): Promise<void>;
}

async function ownNamespace(connection: Connection): Promise<string> {
  const namespace = `client-${randomUUID().slice(0, 8)}`;
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  // A new namespace is known everywhere after a moment.
  for (let tries = 0; ; tries++) {
    try {
      await connection.operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(Object.values(SEARCH_ATTRIBUTES).map((name) => [name, KEYWORD])),
      });
      return namespace;
    } catch (error) {
      if (tries === 50) throw error;
      await sleep(200);
    }
  }
}

/** How the command line gets to S3; undone by `vi.unstubAllEnvs()`. */
export function stubAws(): void {
  vi.stubEnv('AWS_ENDPOINT_URL', inject('aws').endpoint);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
}

/** A namespace of its own on the shared server, since `apply` looks at all models of one; the real workflows over scripted activities. */
export async function clientEnvironment(): Promise<ClientEnvironment> {
  quietRuntime();
  const { address } = inject('temporal');
  const connection = await Connection.connect({ address });
  const namespace = await ownNamespace(connection);
  const client = new Client({ connection, namespace });
  const native = await NativeConnection.connect({ address });
  const taskQueue = namespace;
  let overrides: Partial<Activities> = {};
  const happy: Activities = { ...script().activities, ...createTriggerActivities({ taskQueue }) };
  const activities = Object.fromEntries(
    Object.keys(happy).map((name) => [
      name,
      (input: never) => ({ ...happy, ...overrides })[name as keyof Activities](input) as Promise<unknown>,
    ]),
  );
  const worker = await testWorker({ connection: native, namespace, taskQueue, activities });
  const ended = worker.run();
  // A worker is known by its first poll.
  await until('the worker polls', () =>
    requireWorker(client, { PERENNIAL_TASK_QUEUE: taskQueue }).then(
      () => true,
      () => false,
    ),
  );
  const stopWorker = async () => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
    await ended;
  };
  return {
    client,
    env: {
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: namespace,
      TEMPORAL_UI_URL: 'http://127.0.0.1:8233',
      PERENNIAL_TASK_QUEUE: taskQueue,
    },
    override: (activitiesNow) => {
      overrides = activitiesNow;
    },
    stopWorker,
    close: async () => {
      await stopWorker();
      await native.close();
      await connection.close();
    },
  };
}

/** A small definition; polls are short. `more` is further YAML. */
export const definitionText = (name: string, more = '') => `name: ${name}
role: arn:aws:iam::123456789012:role/sagemaker-execution
data: { bucket: my-bucket }
training: { algorithm: linear-learner }
waiting: { poll: 1s }
${more}`;

/** Applies a model of this name, which it returns. */
export async function applyModel(at: ClientEnvironment, model: string): Promise<string> {
  const folder = await temporaryFolder({ 'model.yaml': definitionText(model) });
  const { code, err } = await call(at.env, ['apply', folder]);
  if (code !== 0) throw new Error(err);
  return model;
}
