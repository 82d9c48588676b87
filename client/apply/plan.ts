import type { Client, ScheduleOptions } from '@temporalio/client';
import type { Definition } from '../../contracts/definition/index.js';
import { taskQueue } from '../connect.js';
import type { CheckedModel } from '../definition/together.js';
import type { Change } from '../diff.js';
import { changesBetween } from '../diff.js';
import { findModel, knownModels, scheduled } from '../models.js';
import { actionOn, definitionOf, findSchedule, wantedSchedule, type ScheduleAction } from './schedule.js';
import { hasRetention, planRetention, type RetentionPlan } from './retention.js';
import { existing, planTransforms, transformsOf, type TransformPlan } from './transforms.js';

type EntityAction = 'create' | 'update' | 'unchanged';

/** What it takes to make Temporal match one file. */
export interface ModelPlan {
  readonly model: string;
  readonly file: string;
  readonly definition: Definition;
  readonly entity: EntityAction;
  readonly schedule: ScheduleAction;
  readonly wantedSchedule?: ScheduleOptions;
  /** Schedules of its transforms, by name. */
  readonly transforms: readonly TransformPlan[];
  readonly retention: RetentionPlan;
  /** Key by key; empty for a new model. */
  readonly changes: readonly Change[];
}

/** A model that Temporal knows and no file defines. */
export interface Orphan {
  readonly model: string;
  /** Endpoint that goes on serving, and billing; unknown where only a damaged schedule is left. */
  readonly endpoint?: string;
  /** What it was applied as; unknown where only a damaged schedule is left. */
  readonly definition?: Definition;
  /** Whether a run of it is under way or waits. */
  readonly busy: boolean;
  readonly hasEntity: boolean;
  readonly hasSchedule: boolean;
  /** Names of its transforms that have a schedule. */
  readonly transforms: readonly string[];
  /** Whether there is a schedule of its retention. */
  readonly hasRetention: boolean;
}

type Listed = Awaited<ReturnType<typeof scheduled>>;

export interface Plan {
  readonly models: readonly ModelPlan[];
  readonly orphans: readonly Orphan[];
}

async function planModel(
  client: Client,
  env: NodeJS.ProcessEnv,
  { file, definition }: CheckedModel,
  listed: Listed,
): Promise<ModelPlan> {
  const [status, schedule] = await Promise.all([
    findModel(client, env, definition.name),
    findSchedule(client, definition.name),
  ]);
  const wanted = wantedSchedule(definition, taskQueue(env));
  const changes = status ? changesBetween(status.definition, definition) : [];
  return {
    model: definition.name,
    file,
    definition,
    entity: !status ? 'create' : changes.length > 0 ? 'update' : 'unchanged',
    schedule: actionOn(schedule, wanted),
    wantedSchedule: wanted,
    transforms: await planTransforms(client, taskQueue(env), definition, [
      ...transformsOf(status?.definition),
      ...listed.transforms.filter(({ model }) => model === definition.name).map(({ name }) => name),
    ]),
    retention: await planRetention(client, taskQueue(env), definition),
    changes,
  };
}

async function findOrphans(
  client: Client,
  env: NodeJS.ProcessEnv,
  defined: ReadonlySet<string>,
  { models, transforms, retentions }: Listed,
): Promise<Orphan[]> {
  const entities = await knownModels(client);
  const names = [...new Set([...entities, ...models, ...retentions, ...transforms.map(({ model }) => model)])]
    .filter((name) => !defined.has(name))
    .sort();
  const orphans = await Promise.all(
    names.map(async (model): Promise<Orphan> => {
      // Visibility lags: what it lists may be gone by now.
      const [status, schedule] = await Promise.all([findModel(client, env, model), findSchedule(client, model)]);
      const definition = status?.definition ?? (schedule && definitionOf(schedule));
      const own = transforms.filter((one) => one.model === model).map(({ name }) => name);
      return {
        model,
        endpoint: definition?.endpoint.name,
        definition,
        busy: status !== undefined && (status.running !== undefined || status.queue.length > 0),
        hasEntity: status !== undefined,
        hasSchedule: schedule !== undefined,
        transforms: await existing(client, model, [...own, ...transformsOf(definition)]),
        hasRetention: await hasRetention(client, model),
      };
    }),
  );
  return orphans.filter(
    ({ hasEntity, hasSchedule, hasRetention: kept, transforms: own }) =>
      hasEntity || hasSchedule || kept || own.length > 0,
  );
}

/** Compares the definitions with what is in Temporal. Reads only. */
export async function makePlan(client: Client, env: NodeJS.ProcessEnv, models: readonly CheckedModel[]): Promise<Plan> {
  const defined = new Set(models.map(({ definition }) => definition.name));
  const listed = await scheduled(client);
  const [plans, orphans] = await Promise.all([
    Promise.all(models.map((model) => planModel(client, env, model, listed))),
    findOrphans(client, env, defined, listed),
  ]);
  return { models: plans, orphans };
}
