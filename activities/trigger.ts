import { getClient } from '@temporalio/activity';
import type { TriggerActivities } from '../contracts/activities.js';
import { dateIn } from '../contracts/calendar.js';
import type { Definition } from '../contracts/definition/index.js';
import { entityId, scheduleId } from '../contracts/names.js';
import { MESSAGES, WORKFLOWS } from '../contracts/runs.js';
import type { ModelState, RunRequest } from '../contracts/runs.js';
import { fail, withFailures } from './errors.js';

/** Activities over Temporal itself: what a schedule starts, and what stops it. `taskQueue` is where the model entity runs. */
export function createTriggerActivities({ taskQueue }: { readonly taskQueue: string }): TriggerActivities {
  return {
    async signalModel({ definition, request, scheduledAt }) {
      const workflowId = entityId(definition.name);
      const state: ModelState = { name: definition.name, definition };
      const wish = withNominalDate(definition, request, scheduledAt);
      await withFailures({ resource: workflowId, action: 'signal' }, () =>
        getClient().workflow.signalWithStart(WORKFLOWS.model, {
          workflowId,
          taskQueue,
          args: [state],
          signal: MESSAGES.runWanted,
          signalArgs: [wish],
        }),
      );
    },

    async pauseSchedule({ model, note }) {
      const schedule = getClient().schedule.getHandle(scheduleId(model));
      await withFailures({ resource: scheduleId(model), action: 'pause' }, async () => {
        try {
          if (!(await schedule.describe()).state.paused) await schedule.pause(note);
        } catch (error) {
          // Removed meanwhile: nothing is left to pause.
          if (!(error instanceof Error) || error.name !== 'ScheduleNotFoundError') throw error;
        }
      });
    },
  };
}

function withNominalDate(definition: Definition, request: RunRequest, scheduledAt: string | undefined): RunRequest {
  if (scheduledAt === undefined) return request;
  if (Number.isNaN(Date.parse(scheduledAt))) {
    throw fail('InvalidRequest', `The schedule's time "${scheduledAt}" is not an ISO 8601 time`);
  }
  return { ...request, nominalDate: dateIn(definition.triggers.schedule?.timeZone ?? 'UTC', scheduledAt) };
}
