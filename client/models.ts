import type { Client, WorkflowHandle } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Definition } from '../contracts/definition/index.js';
import { entityId, scheduleId } from '../contracts/names.js';
import { parseRetentionScheduleId } from '../contracts/retention.js';
import { MESSAGES } from '../contracts/runs.js';
import type { ModelStatus } from '../contracts/runs.js';
import { RECONCILE_SCHEDULE_ID } from '../contracts/storage/state.js';
import { parseTransformScheduleId } from '../contracts/transforms.js';
import { requireWorker } from './connect.js';
import type { CliError } from './errors.js';
import { usageError } from './errors.js';
import { closest } from './definition/schema.js';

const PREFIX = entityId('');

async function entities(client: Client, filter: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query: `WorkflowType = "model"${filter}` })) {
    if (workflowId.startsWith(PREFIX)) names.push(workflowId.slice(PREFIX.length));
  }
  return [...new Set(names)].sort();
}

/** Names of the models that have a living entity, in order. Visibility lags behind by up to a second. */
export const knownModels = (client: Client) => entities(client, ' AND ExecutionStatus = "Running"');

/** Names of all models that Temporal remembers, removed ones too. */
export const rememberedModels = (client: Client) => entities(client, '');

/** The last definition of a model, be it removed: its endpoint may serve still, its records lie in S3. */
export async function lastDefinition(client: Client, name: string): Promise<Definition> {
  return (await client.workflow.getHandle(entityId(name)).query<ModelStatus>(MESSAGES.status)).definition;
}

/** Names of the models that have a schedule, the transforms and retentions that have one, and whether buckets and mounts are compared by one. Visibility lags behind by up to a second. */
export async function scheduled(client: Client): Promise<{
  models: string[];
  transforms: { model: string; name: string }[];
  retentions: string[];
  reconcile: boolean;
}> {
  const prefix = scheduleId('');
  const models: string[] = [];
  const transforms: { model: string; name: string }[] = [];
  const retentions: string[] = [];
  let reconcile = false;
  for await (const { scheduleId: id } of client.schedule.list()) {
    const transform = parseTransformScheduleId(id);
    const retention = parseRetentionScheduleId(id);
    if (id === RECONCILE_SCHEDULE_ID) reconcile = true;
    else if (transform) transforms.push(transform);
    else if (retention !== undefined) retentions.push(retention);
    // A model's name has no slash: what has one is no model's schedule.
    else if (id.startsWith(prefix) && !id.slice(prefix.length).includes('/')) models.push(id.slice(prefix.length));
  }
  const byName = (a: object, b: object) => (Object.values(a).join('/') < Object.values(b).join('/') ? -1 : 1);
  return { models: models.sort(), transforms: transforms.sort(byName), retentions: retentions.sort(), reconcile };
}

/** The error for a model that Temporal does not know. */
export async function unknownModel(client: Client, name: string): Promise<CliError> {
  const known = await knownModels(client);
  const near = closest(name, known);
  const hint = near
    ? ` Did you mean ${near}?`
    : known.length > 0
      ? ` Known: ${known.join(', ')}.`
      : ' None is known yet.';
  return usageError(`no model "${name}" is applied.${hint} \`perennial apply <file>\` brings a definition in`);
}

/** What a model's entity says of itself, or undefined if there is none. */
export async function findModel(
  client: Client,
  env: NodeJS.ProcessEnv,
  name: string,
): Promise<ModelStatus | undefined> {
  const handle = client.workflow.getHandle(entityId(name));
  try {
    if ((await handle.describe()).status.name !== 'RUNNING') return undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
  await requireWorker(client, env);
  return handle.query<ModelStatus>(MESSAGES.status);
}

/** The entity of a model that must be there. */
export async function requireModel(
  client: Client,
  env: NodeJS.ProcessEnv,
  name: string,
): Promise<{ handle: WorkflowHandle; status: ModelStatus }> {
  const status = await findModel(client, env, name);
  if (!status) throw await unknownModel(client, name);
  return { handle: client.workflow.getHandle(entityId(name)), status };
}
