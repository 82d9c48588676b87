import { ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import type { Client, ScheduleDescription, ScheduleOptions, ScheduleUpdateOptions } from '@temporalio/client';
import type { Definition } from '../../contracts/definition/index.js';
import { scheduleId, triggerId } from '../../contracts/names.js';
import { retentionScheduleId } from '../../contracts/retention.js';
import { WORKFLOWS } from '../../contracts/runs.js';
import type { TriggerInput } from '../../contracts/runs.js';
import { RECONCILE_SCHEDULE_ID } from '../../contracts/storage/state.js';
import { transformScheduleId, type TransformInput } from '../../contracts/transforms.js';
import { changesBetween } from '../diff.js';

/** Member of the memo that each reconcile of the schedule carries: a description does not show cron expressions. */
export const CLOCK_MEMO = 'reconcile';
export const WEEK_MS = 7 * 86_400_000;

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

/** What a schedule starts. */
export type ScheduleKind = 'retrain' | 'transform' | 'retention' | 'reconcile';

/** How the command line names the schedule that compares buckets and mounts, and that of a model's retention. */
export const RECONCILE = 'storage/reconcile';
export const retentionOf = (model: string) => `${model}/retention`;

/** How it names the schedule of a transform: in full where the short name is that of another kind. */
export function subjectOf({ model, name }: { model: string; name: string }): string {
  const short = `${model}/${name}`;
  return short === RECONCILE || short === retentionOf(model) ? `${model}/transform/${name}` : short;
}

/**
 * Id of the schedule of a model, `weather`; of one of its transforms, `weather/daily` or `weather/transform/daily`; of its retention,
 * `weather/retention`; of `storage/reconcile`.
 */
export function idOf(subject: string): string {
  const [model = '', name, more] = subject.split('/');
  if (subject === RECONCILE) return RECONCILE_SCHEDULE_ID;
  if (name === undefined) return scheduleId(model);
  if (subject === retentionOf(model)) return retentionScheduleId(model);
  return transformScheduleId(model, name === 'transform' && more !== undefined ? more : name);
}

const KINDS: Readonly<Record<string, ScheduleKind>> = {
  [WORKFLOWS.transform]: 'transform',
  [WORKFLOWS.retention]: 'retention',
  [WORKFLOWS.reconcile]: 'reconcile',
};

/** What a schedule starts, by the workflow of its action. */
export const kindOf = ({ action }: ScheduleDescription): ScheduleKind => KINDS[action.workflowType] ?? 'retrain';

/** The schedule of this name as it is, or undefined if there is none. */
export const findSchedule = (client: Client, subject: string): Promise<ScheduleDescription | undefined> =>
  describeSchedule(client, idOf(subject));

/** The schedule of this id as it is, or undefined if there is none. */
export async function describeSchedule(client: Client, id: string): Promise<ScheduleDescription | undefined> {
  try {
    return await client.schedule.getHandle(id).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

const inputOf = (schedule: ScheduleDescription) =>
  schedule.action.args?.[0] as TriggerInput | TransformInput | undefined;

/** The definition that a schedule starts runs with. */
export const definitionOf = (schedule: ScheduleDescription): Definition | undefined => inputOf(schedule)?.definition;

/** Cron expression and time zone as the definition has them. */
export function clockOf(schedule: ScheduleDescription): Definition['triggers']['schedule'] {
  const input = inputOf(schedule);
  switch (kindOf(schedule)) {
    case 'transform':
      return (input as TransformInput | undefined)?.transform.schedule;
    case 'retention':
      return input?.definition.data.retention?.schedule;
    case 'reconcile':
      return schedule.action.memo?.[CLOCK_MEMO] as Definition['triggers']['schedule'];
    case 'retrain':
      return input?.definition.triggers.schedule;
  }
}

/**
 * Whether a schedule differs from the wanted one. Temporal turns cron expressions into calendars, so these can't be compared: the
 * definition that the action carries, or its memo, tells what was applied.
 */
function differs(schedule: ScheduleDescription, wanted: ScheduleOptions): boolean {
  const is = {
    args: schedule.action.args,
    memo: schedule.action.memo ?? {},
    taskQueue: schedule.action.taskQueue,
    overlap: schedule.policies.overlap,
    catchupWindow: schedule.policies.catchupWindow,
  };
  const should = {
    args: wanted.action.args,
    memo: wanted.action.memo ?? {},
    taskQueue: wanted.action.taskQueue,
    overlap: wanted.policies?.overlap,
    catchupWindow: wanted.policies?.catchupWindow,
  };
  return changesBetween(is, should).length > 0;
}

export type ScheduleAction = 'create' | 'update' | 'delete' | 'unchanged' | 'none';

/** What it takes to bring a schedule, or none, to what is wanted, which may be none. */
export function actionOn(
  schedule: ScheduleDescription | undefined,
  wanted: ScheduleOptions | undefined,
): ScheduleAction {
  if (!wanted) return schedule ? 'delete' : 'none';
  if (!schedule) return 'create';
  return differs(schedule, wanted) ? 'update' : 'unchanged';
}

/** Does what `actionOn` found. */
export async function executeSchedule(
  client: Client,
  id: string,
  action: ScheduleAction,
  wanted: ScheduleOptions | undefined,
): Promise<void> {
  if (action === 'delete') return client.schedule.getHandle(id).delete();
  if (action === 'create' && wanted) await client.schedule.create(wanted);
  if (action === 'update' && wanted) await updateSchedule(client, wanted);
}

/** Brings a schedule to what is wanted. Its state stays: a paused one stays paused, with its note. */
async function updateSchedule(client: Client, wanted: ScheduleOptions): Promise<void> {
  await client.schedule.getHandle(wanted.scheduleId).update(({ state }): ScheduleUpdateOptions => ({
    spec: wanted.spec,
    action: wanted.action as ScheduleUpdateOptions['action'],
    policies: wanted.policies,
    state,
  }));
}
