import {
  ActivityCancellationType,
  ParentClosePolicy,
  executeChild,
  proxyActivities,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import { dateIn } from '../contracts/calendar.js';
import type { PurgeOptions } from '../contracts/purge/index.js';
import { purgeId } from '../contracts/purge/index.js';
import type { LineageActivities } from '../contracts/purge/lineage.js';
import {
  RETENTION_STEPS,
  retentionRequest,
  type Due,
  type RetentionActivities,
  type RetentionInput,
  type RetentionPass,
  type RetentionResult,
  type RetentionStep,
  type RetentionWork,
} from '../contracts/retention.js';
import { defaultStorage } from '../contracts/storage/defaults.js';
import type { StorageActivities } from '../contracts/storage/state.js';
import { purge } from './purge/index.js';
import { SCHEDULED } from './search-attributes.js';

/** Lists whole prefixes and copies what is set apart; the next time of the schedule looks again, so an outage is not sat out for ever. */
const work = proxyActivities<
  RetentionActivities & Pick<StorageActivities, 'declaredStorage'> & Pick<LineageActivities, 'liftTombstones'>
>({
  startToCloseTimeout: '1d',
  scheduleToCloseTimeout: '1d',
  heartbeatTimeout: '1m',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

/** Why a step's objects go, for the auditor; and whether later manifests leave their keys out. */
const PURGES: Readonly<Record<RetentionStep, { reason: string; options: PurgeOptions }>> = {
  // A day that is uploaded again is as old as before, and purged the next time.
  age: { reason: 'retention: older than the data is kept', options: { tombstones: false } },
  return: { reason: 'retention: copies set apart of owners who are active again', options: { tombstones: false } },
  apart: { reason: 'retention: owners without activity, their objects set apart', options: { tombstones: true } },
  grace: { reason: 'retention: set apart for as long as is declared', options: { tombstones: false } },
};

/**
 * Purges what a model's data.retention says is due, by the workflow `purge`, with its proof. Each step can be played again: what was done
 * stays done, and what was not is due the next time.
 */
export async function retention(input: RetentionInput): Promise<RetentionResult> {
  const { definition, dryRun = false } = input;
  const { typedSearchAttributes, runId } = workflowInfo();
  const since = new Date().toISOString();
  const zone = definition.data.retention?.schedule.timeZone ?? 'UTC';
  const date = input.date ?? dateIn(zone, typedSearchAttributes.get(SCHEDULED)?.toISOString() ?? since);
  const storage = input.storage ?? (await work.declaredStorage()).storage ?? defaultStorage(definition.data.bucket);
  const its: RetentionWork = { ref: { model: definition.name, date, execution: runId }, definition, storage };

  const { steps, warnings } = await work.findDue({ ...its, dryRun });
  const passes: RetentionPass[] = [];
  for (const step of RETENTION_STEPS) {
    const due = steps[step];
    if (!due) continue;
    passes.push({ step, ...counts(due), ...(dryRun ? {} : await carryOut(its, step, due, since)) });
    setCurrentDetails(passes.map(told).join('\n'));
  }
  if (!dryRun && definition.data.retention?.dormancy) {
    const { originsUri } = steps.return ?? {};
    await work.settleDormancy({ ...its, lists: originsUri === undefined ? [] : [originsUri] });
  }
  return { model: definition.name, date, dryRun, passes, warnings };
}

const counts = ({ objects, bytes, owners }: Due) => ({ objects, bytes, owners });
const told = ({ step, objects, reason = 'due' }: RetentionPass) => `- ${step}, ${objects} objects: ${reason}`;

/** What comes before the step's purge, and the purge. */
async function carryOut(
  its: RetentionWork,
  step: RetentionStep,
  { targetsUri = '', originsUri = '' }: Due,
  since: string,
): Promise<Pick<RetentionPass, 'request' | 'outcome' | 'reason'>> {
  const request = retentionRequest(its.ref, step);
  if (step === 'apart') await work.setApart({ ...its, targetsUri });
  if (step === 'return') {
    await work.bringBack({ ...its, originsUri });
    const ref = { request, execution: its.ref.execution, startedAt: since };
    await work.liftTombstones({ ref, storage: its.storage, targetsUri: originsUri, options: {} });
  }
  const { reason, options } = PURGES[step];
  const { outcome, reason: ended } = await executeChild(purge, {
    workflowId: purgeId(request),
    // What was uploaded since the look at the data was neither judged nor set apart: it is reported, and stays.
    args: [{ request, reason, by: `retention of ${its.ref.model}`, targetsUri, options, storage: its.storage, since }],
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    staticSummary: `${reason} (${its.ref.model})`,
  });
  return { request, outcome, reason: ended };
}
