import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ListEndpointConfigsCommand, ListModelsCommand, ListTrainingJobsCommand } from '@aws-sdk/client-sagemaker';
import { DescribeEndpointCommand } from '@aws-sdk/client-sagemaker';
import pg from 'pg';
import { expect } from 'vitest';
import type { RunResult } from '../../contracts/runs.js';
import type { ServiceName } from '../../local/index.js';
import { serviceSubjects } from '../../local/services/service.js';
import { until } from '../support/local.js';
import type { Setting } from './setting.js';

/** Longer than anything takes to come back, and to be noticed. */
const SURVIVES_WITHIN_MS = 90_000;
/** Longer than any test: a run stays in the stage in which something happens to it until it is let go. */
const HELD_MS = 600_000;

/** The stages in which a run waits for SageMaker, by the activity that does. */
const WAITS = { await: 'awaitTrainingJob', deploy: 'awaitEndpoint' } as const;
export type Stage = keyof typeof WAITS;

/** Process id of a service as the supervisor knows it; 0 while there is none. */
export async function pidOf({ stateDir }: Setting, service: ServiceName): Promise<number> {
  const text = await readFile(join(stateDir, 'local.json'), 'utf8');
  const { children } = JSON.parse(text) as { children: Partial<Record<ServiceName, { pid: number }>> };
  return children[service]?.pid ?? 0;
}

/** How often the supervisor has said that a service answers again. */
export async function comebacks(setting: Setting, service: ServiceName): Promise<number> {
  return (await setting.supervisorLog()).split(`${serviceSubjects[service]} runs again.`).length - 1;
}

/** Lets something happen to a service, and waits until another process of it answers. */
export async function replaced(setting: Setting, service: ServiceName, signal: NodeJS.Signals): Promise<void> {
  const [before, times] = [await pidOf(setting, service), await comebacks(setting, service)];
  process.kill(before, signal);
  await until(`${service} is back`, async () => (await comebacks(setting, service)) > times, SURVIVES_WITHIN_MS);
  expect(await pidOf(setting, service)).not.toBe(before);
}

/** Starts a run of a new model, and answers with its id once it has waited in the stage for some looks. It stays there until `letGo`. */
export async function runIn(setting: Setting, stage: Stage, model: string): Promise<string> {
  await setting.model(model);
  const kind = stage === 'await' ? 'training-job' : 'endpoint';
  await setting.rule({ id: model, kind, match: `^${model}(-|$)`, action: 'slow', delayMs: HELD_MS });
  const { run } = await setting.request(model);
  const handle = setting.client.workflow.getHandle(run);
  await until(
    `${model} waits in stage ${stage}`,
    async () => {
      const { pendingActivities } = (await handle.describe()).raw;
      return (pendingActivities ?? []).some(
        ({ activityType, attempt }) => activityType?.name === WAITS[stage] && (attempt ?? 0) > 3,
      );
    },
    SURVIVES_WITHIN_MS,
  );
  return run;
}

/** Lets the run of a model go on from where `runIn` holds it. */
export const letGo = (setting: Setting, model: string): Promise<void> => setting.endDelays(model);

/** Which of these runs stand in the ledger as deployed. Asked of the table: the command line fills gaps from what Temporal remembers. */
export async function deployedInLedger({ env }: Setting, runs: readonly string[]): Promise<string[]> {
  const client = new pg.Client({ connectionString: env['DATABASE_URL'] });
  await client.connect();
  try {
    const query = `SELECT run FROM runs WHERE run = ANY($1) AND outcome = 'Deployed'`;
    return (await client.query<{ run: string }>(query, [runs])).rows.map(({ run }) => run);
  } finally {
    await client.end();
  }
}

/** The run's value. A server that is away meanwhile is asked again. */
export async function resultOf({ client }: Setting, run: string): Promise<RunResult> {
  const ended = async () => {
    const { status } = await client.workflow.getHandle(run).describe();
    return status.name !== 'RUNNING';
  };
  await until(`${run} ends`, () => ended().catch(() => false), SURVIVES_WITHIN_MS);
  return client.workflow.getHandle<() => Promise<RunResult>>(run).result();
}

/** Expects that the run ended as it would have: deployed, with exactly one of each remote resource. */
export async function expectOneOfEach({ sagemaker }: Setting, model: string, result: RunResult): Promise<void> {
  expect(result).toMatchObject({ outcome: 'Deployed', files: 30, endpoint: model });
  const NameContains = `${model}-`;
  const [jobs, models, configs, endpoint] = await Promise.all([
    sagemaker.send(new ListTrainingJobsCommand({ NameContains })),
    sagemaker.send(new ListModelsCommand({ NameContains })),
    sagemaker.send(new ListEndpointConfigsCommand({ NameContains })),
    sagemaker.send(new DescribeEndpointCommand({ EndpointName: model })),
  ]);
  expect({
    jobs: jobs.TrainingJobSummaries?.map(({ TrainingJobName }) => TrainingJobName),
    models: models.Models?.map(({ ModelName }) => ModelName),
    configs: configs.EndpointConfigs?.map(({ EndpointConfigName }) => EndpointConfigName),
    live: [endpoint.EndpointStatus, endpoint.EndpointConfigName],
  }).toEqual({
    jobs: [result.trainingJob],
    models: [result.modelName],
    configs: [result.endpointConfig],
    live: ['InService', result.endpointConfig],
  });
}
