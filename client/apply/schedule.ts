import { ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import type { Client, ScheduleDescription, ScheduleOptions, ScheduleUpdateOptions } from '@temporalio/client';
import type { Definition } from '../../contracts/definition/index.js';
import { scheduleId, triggerId } from '../../contracts/names.js';
import { WORKFLOWS } from '../../contracts/runs.js';
import type { TriggerInput } from '../../contracts/runs.js';
import { changesBetween } from '../diff.js';

const WEEK_MS = 7 * 86_400_000;

const POLICIES = {
  // The trigger lives for a moment. Where one still waits for a worker, the newer takes its place: it asks for the same run with the
  // later as-of date. SKIP and BUFFER_ONE would keep the oldest, ALLOW_ALL one for each time that was missed.
  overlap: ScheduleOverlapPolicy.TERMINATE_OTHER,
  // What was missed in an outage becomes one trigger, of the last time missed. Temporal's own default of a year would start runs for times
  // that nobody remembers.
  catchupWindow: WEEK_MS,
  pauseOnFailure: false,
} as const;

/** The schedule that a definition asks for, or undefined if it asks for none. */
export function wantedSchedule(definition: Definition, taskQueue: string): ScheduleOptions | undefined {
  const { schedule } = definition.triggers;
  if (!schedule) return undefined;
  const input: TriggerInput = { definition };
  return {
    scheduleId: scheduleId(definition.name),
    spec: { cronExpressions: [schedule.cron], timezone: schedule.timeZone },
    action: {
      type: 'startWorkflow',
      workflowType: WORKFLOWS.trigger,
      workflowId: triggerId(definition.name),
      taskQueue,
      args: [input],
    },
    policies: POLICIES,
  };
}

/** A model's schedule as it is, or undefined if there is none. */
export async function findSchedule(client: Client, model: string): Promise<ScheduleDescription | undefined> {
  try {
    return await client.schedule.getHandle(scheduleId(model)).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

/** The definition that a schedule starts runs with. */
export function definitionOf(schedule: ScheduleDescription): Definition | undefined {
  return (schedule.action.args?.[0] as TriggerInput | undefined)?.definition;
}

/**
 * Whether a schedule differs from the wanted one. Temporal turns cron expressions into calendars, so these can't be compared: the
 * definition that the action carries tells what was applied.
 */
export function differs(schedule: ScheduleDescription, wanted: ScheduleOptions): boolean {
  const is = {
    args: schedule.action.args,
    taskQueue: schedule.action.taskQueue,
    overlap: schedule.policies.overlap,
    catchupWindow: schedule.policies.catchupWindow,
  };
  const should = {
    args: wanted.action.args,
    taskQueue: wanted.action.taskQueue,
    overlap: POLICIES.overlap,
    catchupWindow: POLICIES.catchupWindow,
  };
  return changesBetween(is, should).length > 0;
}

/** Brings a schedule to what is wanted. Its state stays: a paused one stays paused, with its note. */
export async function updateSchedule(client: Client, wanted: ScheduleOptions): Promise<void> {
  await client.schedule.getHandle(wanted.scheduleId).update(({ state }): ScheduleUpdateOptions => ({
    spec: wanted.spec,
    action: wanted.action as ScheduleUpdateOptions['action'],
    policies: POLICIES,
    state,
  }));
}
