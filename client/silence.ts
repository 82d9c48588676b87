import type { WorkflowExecutionDescription } from '@temporalio/client';

/** States of Temporal's API: PendingWorkflowTaskState, PendingActivityState. */
const TASK_SCHEDULED = 1;
const ACTIVITY = { scheduled: 1, started: 2 };

type Described = Pick<WorkflowExecutionDescription, 'raw'>;

/**
 * Why a workflow that is under way may be silent: nobody has taken its work, or an activity is in a worker's hands, which may have died. In
 * words for people; undefined where it is neither.
 */
export function silenceOf({ raw }: Described, taskQueue: string): string | undefined {
  const waits = `nobody has taken the work yet: it waits for a worker on task queue "${taskQueue}". \`perennial up\` starts one; in production look at the worker service`;
  if (raw.pendingWorkflowTask?.state === TASK_SCHEDULED) return waits;
  const activities = raw.pendingActivities ?? [];
  const name = (one: (typeof activities)[number] | undefined) => one?.activityType?.name ?? 'an activity';
  const started = activities.find(({ state }) => state === ACTIVITY.started);
  if (started)
    return `a worker is at ${name(started)}. Should it have died, another takes the work up after the heartbeat timeout, a minute or so`;
  // One that waits for its next try has failed before.
  if (activities.some(({ state, attempt }) => state === ACTIVITY.scheduled && (attempt ?? 1) <= 1)) return waits;
  return undefined;
}
