import type { Client, ScheduleOptions } from '@temporalio/client';
import type { Definition } from '../../contracts/definition/index.js';
import { taskQueue } from '../connect.js';
import type { CheckedModel } from '../definition/together.js';
import type { Change } from '../diff.js';
import { changesBetween } from '../diff.js';
import { findModel, knownModels, scheduledModels } from '../models.js';
import { definitionOf, differs, findSchedule, wantedSchedule } from './schedule.js';

type EntityAction = 'create' | 'update' | 'unchanged';
type ScheduleAction = 'create' | 'update' | 'delete' | 'unchanged' | 'none';

/** What it takes to make Temporal match one file. */
export interface ModelPlan {
  readonly model: string;
  readonly file: string;
  readonly definition: Definition;
  readonly entity: EntityAction;
  readonly schedule: ScheduleAction;
  readonly wantedSchedule?: ScheduleOptions;
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
}

export interface Plan {
  readonly models: readonly ModelPlan[];
  readonly orphans: readonly Orphan[];
}

async function planModel(
  client: Client,
  env: NodeJS.ProcessEnv,
  { file, definition }: CheckedModel,
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
    schedule: wanted
      ? !schedule
        ? 'create'
        : differs(schedule, wanted)
          ? 'update'
          : 'unchanged'
      : schedule
        ? 'delete'
        : 'none',
    wantedSchedule: wanted,
    changes,
  };
}

async function findOrphans(client: Client, env: NodeJS.ProcessEnv, defined: ReadonlySet<string>): Promise<Orphan[]> {
  const [entities, schedules] = await Promise.all([knownModels(client), scheduledModels(client)]);
  const names = [...new Set([...entities, ...schedules])].filter((name) => !defined.has(name)).sort();
  const orphans = await Promise.all(
    names.map(async (model): Promise<Orphan> => {
      // Visibility lags: what it lists may be gone by now.
      const [status, schedule] = await Promise.all([findModel(client, env, model), findSchedule(client, model)]);
      const definition = status?.definition ?? (schedule && definitionOf(schedule));
      return {
        model,
        endpoint: definition?.endpoint.name,
        definition,
        busy: status !== undefined && (status.running !== undefined || status.queue.length > 0),
        hasEntity: status !== undefined,
        hasSchedule: schedule !== undefined,
      };
    }),
  );
  return orphans.filter(({ hasEntity, hasSchedule }) => hasEntity || hasSchedule);
}

/** Compares the definitions with what is in Temporal. Reads only. */
export async function makePlan(client: Client, env: NodeJS.ProcessEnv, models: readonly CheckedModel[]): Promise<Plan> {
  const defined = new Set(models.map(({ definition }) => definition.name));
  const [plans, orphans] = await Promise.all([
    Promise.all(models.map((model) => planModel(client, env, model))),
    findOrphans(client, env, defined),
  ]);
  return { models: plans, orphans };
}
