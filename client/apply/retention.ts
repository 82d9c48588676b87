import { ScheduleOverlapPolicy } from '@temporalio/client';
import type { Client, ScheduleOptions } from '@temporalio/client';
import type { Definition } from '../../contracts/definition/index.js';
import { retentionId, retentionScheduleId, type RetentionInput } from '../../contracts/retention.js';
import { WORKFLOWS } from '../../contracts/runs.js';
import { WEEK_MS, actionOn, describeSchedule, type ScheduleAction } from './schedule.js';

/** What it takes to make the schedule of a model's retention match the file. */
export interface RetentionPlan {
  readonly schedule: ScheduleAction;
  readonly wanted?: ScheduleOptions;
}

function wantedSchedule(definition: Definition, taskQueue: string): ScheduleOptions | undefined {
  const { retention } = definition.data;
  if (!retention) return undefined;
  const input: RetentionInput = { definition };
  return {
    scheduleId: retentionScheduleId(definition.name),
    spec: { cronExpressions: [retention.schedule.cron], timezone: retention.schedule.timeZone },
    action: {
      type: 'startWorkflow',
      workflowType: WORKFLOWS.retention,
      workflowId: retentionId(definition.name),
      taskQueue,
      args: [input],
    },
    // A time that is missed, or falls into a purge that still runs, needs no making up: the next one finds all that is due.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: WEEK_MS, pauseOnFailure: false },
  };
}

/** Compares a definition's retention with what is in Temporal. Reads only. */
export async function planRetention(client: Client, taskQueue: string, definition: Definition): Promise<RetentionPlan> {
  const wanted = wantedSchedule(definition, taskQueue);
  const schedule = await describeSchedule(client, retentionScheduleId(definition.name));
  return { schedule: actionOn(schedule, wanted), ...(wanted && { wanted }) };
}

/** Whether a model has a schedule of its retention. */
export const hasRetention = async (client: Client, model: string): Promise<boolean> =>
  (await describeSchedule(client, retentionScheduleId(model))) !== undefined;
