import { ScheduleOverlapPolicy } from '@temporalio/client';
import type { Client, ScheduleOptions } from '@temporalio/client';
import type { Definition } from '../../contracts/definition/index.js';
import { WORKFLOWS } from '../../contracts/runs.js';
import {
  transformPrefix,
  transformScheduleId,
  type Transform,
  type TransformInput,
} from '../../contracts/transforms.js';
import { WEEK_MS, actionOn, findSchedule, subjectOf, type ScheduleAction } from './schedule.js';

/** What it takes to make the schedule of one transform match the file. */
export interface TransformPlan {
  readonly name: string;
  readonly schedule: ScheduleAction;
  readonly wanted?: ScheduleOptions;
}

/** Names of the transforms of a definition that have a schedule. One that was applied before there were transforms has none. */
export const transformsOf = (definition: Definition | undefined): string[] =>
  (definition?.transforms ?? []).filter(({ schedule }) => schedule !== undefined).map(({ name }) => name);

function wantedSchedule(definition: Definition, transform: Transform, taskQueue: string): ScheduleOptions | undefined {
  const { schedule, name } = transform;
  if (!schedule) return undefined;
  const input: TransformInput = { definition, transform };
  return {
    scheduleId: transformScheduleId(definition.name, name),
    spec: { cronExpressions: [schedule.cron], timezone: schedule.timeZone },
    action: {
      type: 'startWorkflow',
      workflowType: WORKFLOWS.transform,
      workflowId: transformPrefix(definition.name, name),
      taskQueue,
      args: [input],
    },
    policies: {
      // Where each day has rows of its own, each is wanted: one after the other. Else one run at a time takes what is there.
      overlap: /\{/.test(transform.input) ? ScheduleOverlapPolicy.BUFFER_ALL : ScheduleOverlapPolicy.SKIP,
      catchupWindow: WEEK_MS,
      pauseOnFailure: false,
    },
  };
}

/**
 * Compares the transforms of a definition, and `others` that may have a schedule still, with what is in Temporal. Reads only.
 * @param others names of transforms, in any order, as often as they come
 */
export async function planTransforms(
  client: Client,
  taskQueue: string,
  definition: Definition,
  others: readonly string[],
): Promise<TransformPlan[]> {
  const names = [...new Set([...transformsOf(definition), ...others])];
  return Promise.all(
    names.map(async (name) => {
      const transform = definition.transforms.find((one) => one.name === name);
      const wanted = transform && wantedSchedule(definition, transform, taskQueue);
      const schedule = await findSchedule(client, subjectOf({ model: definition.name, name }));
      return { name, schedule: actionOn(schedule, wanted), wanted };
    }),
  );
}

/** Those of the names whose transform has a schedule, each once. */
export async function existing(client: Client, model: string, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    [...new Set(names)].map(async (name) => ((await findSchedule(client, subjectOf({ model, name }))) ? [name] : [])),
  );
  return found.flat();
}
