import { WithStartWorkflowOperation } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import { entityId, scheduleId } from '../../contracts/names.js';
import { retentionScheduleId } from '../../contracts/retention.js';
import { MESSAGES, WORKFLOWS } from '../../contracts/runs.js';
import type { ModelState } from '../../contracts/runs.js';
import { transformScheduleId } from '../../contracts/transforms.js';
import { taskQueue } from '../connect.js';
import type { ModelPlan, Orphan } from './plan.js';
import { executeSchedule } from './schedule.js';

/** The longest that a worker may take to answer an update. */
const ANSWER_MS = 30_000;

async function executeEntity(client: Client, env: NodeJS.ProcessEnv, { model, definition }: ModelPlan): Promise<void> {
  const state: ModelState = { name: model, definition };
  const start = new WithStartWorkflowOperation(WORKFLOWS.model, {
    workflowId: entityId(model),
    taskQueue: taskQueue(env),
    args: [state],
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `model ${model}`,
  });
  await client.withDeadline(Date.now() + ANSWER_MS, () =>
    client.workflow.executeUpdateWithStart(MESSAGES.apply, {
      args: [definition],
      startWorkflowOperation: start,
    }),
  );
}

/** Makes Temporal match one file. Safe to repeat: the entity first, so that a schedule never fires for a definition it doesn't know. */
export async function executeModel(client: Client, env: NodeJS.ProcessEnv, plan: ModelPlan): Promise<void> {
  if (plan.entity !== 'unchanged') await executeEntity(client, env, plan);
  const { model, schedule, wantedSchedule, transforms, retention } = plan;
  await executeSchedule(client, scheduleId(model), schedule, wantedSchedule);
  for (const { name, schedule: action, wanted } of transforms)
    await executeSchedule(client, transformScheduleId(model, name), action, wanted);
  await executeSchedule(client, retentionScheduleId(model), retention.schedule, retention.wanted);
}

/** Removes a model that no file defines: no more runs, transforms and purges by age or dormancy. Queued and running ones end as they would; the endpoint stays. */
export async function prune(
  client: Client,
  { model, hasEntity, hasSchedule, hasRetention, transforms }: Orphan,
): Promise<void> {
  for (const name of transforms) await client.schedule.getHandle(transformScheduleId(model, name)).delete();
  if (hasRetention) await client.schedule.getHandle(retentionScheduleId(model)).delete();
  if (hasSchedule) await client.schedule.getHandle(scheduleId(model)).delete();
  if (hasEntity) await client.workflow.getHandle(entityId(model)).signal(MESSAGES.retire);
}
