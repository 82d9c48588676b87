import { ScheduleOverlapPolicy, WithStartWorkflowOperation } from '@temporalio/client';
import type { Client, ScheduleOptions } from '@temporalio/client';
import { MESSAGES, WORKFLOWS } from '../../contracts/runs.js';
import type { Storage } from '../../contracts/storage/index.js';
import {
  RECONCILE_SCHEDULE_ID,
  STORAGE_ID,
  STORAGE_MEMO,
  type ReconcileInput,
  type StorageState,
} from '../../contracts/storage/state.js';
import { taskQueue } from '../connect.js';
import type { Change } from '../diff.js';
import { changesBetween } from '../diff.js';
import type { CheckedStorage } from '../storage/check.js';
import { findStorage } from '../storage/find.js';
import { actionOn, CLOCK_MEMO, describeSchedule, executeSchedule, WEEK_MS, type ScheduleAction } from './schedule.js';

/** The longest that a worker may take to answer an update. */
const ANSWER_MS = 30_000;

/** What it takes to make Temporal match the storage file, or its absence. */
export interface StoragePlan {
  readonly file?: string;
  /** `delete`: it is declared, and no file does; only --prune does it. */
  readonly entity: 'create' | 'update' | 'delete' | 'unchanged';
  readonly wanted?: Storage;
  /** When bucket and mounts are compared. */
  readonly schedule: ScheduleAction;
  readonly wantedSchedule?: ScheduleOptions;
  /** Key by key; empty for a new one. */
  readonly changes: readonly Change[];
}

/** The schedule that compares bucket and mounts, or undefined if none is asked for. */
function wantedSchedule({ reconcile }: Storage, queue: string): ScheduleOptions | undefined {
  if (!reconcile) return undefined;
  const input: ReconcileInput = {};
  return {
    scheduleId: RECONCILE_SCHEDULE_ID,
    spec: { cronExpressions: [reconcile.cron], timezone: reconcile.timeZone },
    action: {
      type: 'startWorkflow',
      workflowType: WORKFLOWS.reconcile,
      workflowId: WORKFLOWS.reconcile,
      taskQueue: queue,
      args: [input],
      memo: { [CLOCK_MEMO]: reconcile },
    },
    // Two at once would only undo each other's work, and one catches up with all that was missed.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: WEEK_MS, pauseOnFailure: false },
  };
}

/** Compares the storage file, if there is one, with what is in Temporal; undefined where neither has any. Reads only. */
export async function planStorage(
  client: Client,
  env: NodeJS.ProcessEnv,
  checked: CheckedStorage | undefined,
): Promise<StoragePlan | undefined> {
  const [declared, schedule] = await Promise.all([
    findStorage(client),
    describeSchedule(client, RECONCILE_SCHEDULE_ID),
  ]);
  if (!checked) {
    if (!declared && !schedule) return undefined;
    return { entity: declared ? 'delete' : 'unchanged', schedule: actionOn(schedule, undefined), changes: [] };
  }
  const { file, storage: wanted } = checked;
  const changes = declared ? changesBetween(declared, wanted) : [];
  const wantedReconcile = wantedSchedule(wanted, taskQueue(env));
  return {
    file,
    entity: !declared ? 'create' : changes.length > 0 ? 'update' : 'unchanged',
    wanted,
    schedule: actionOn(schedule, wantedReconcile),
    wantedSchedule: wantedReconcile,
    changes,
  };
}

/** Makes Temporal match the plan. Safe to repeat: the entity first, so that no reconcile starts without it. */
export async function executeStorage(client: Client, env: NodeJS.ProcessEnv, plan: StoragePlan): Promise<void> {
  if (plan.entity === 'delete') {
    // Its schedule first: a reconcile of what is no longer declared has nothing to do.
    await executeSchedule(client, RECONCILE_SCHEDULE_ID, plan.schedule, undefined);
    await client.withDeadline(Date.now() + ANSWER_MS, () =>
      client.workflow.getHandle(STORAGE_ID).executeUpdate(MESSAGES.apply, { args: [null] }),
    );
    return;
  }
  if (plan.wanted && plan.entity !== 'unchanged') await declare(client, env, plan.wanted);
  await executeSchedule(client, RECONCILE_SCHEDULE_ID, plan.schedule, plan.wantedSchedule);
}

async function declare(client: Client, env: NodeJS.ProcessEnv, storage: Storage): Promise<void> {
  const state: StorageState = { storage };
  const start = new WithStartWorkflowOperation(WORKFLOWS.storage, {
    workflowId: STORAGE_ID,
    taskQueue: taskQueue(env),
    args: [state],
    workflowIdConflictPolicy: 'USE_EXISTING',
    memo: { [STORAGE_MEMO]: storage },
    staticSummary: 'declared storage',
  });
  await client.withDeadline(Date.now() + ANSWER_MS, () =>
    client.workflow.executeUpdateWithStart(MESSAGES.apply, { args: [storage], startWorkflowOperation: start }),
  );
}
