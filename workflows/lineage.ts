import { ActivityCancellationType, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Answered } from '../contracts/insight.js';
import type { AuditActivities } from '../contracts/purge/audit.js';
import type { ErasureActivities } from '../contracts/purge/index.js';
import type { LiftInput, LiftResult, LineageActivities, LineageInput } from '../contracts/purge/lineage.js';

// Short workflows behind `perennial lineage` and `perennial purge lift`. Keys travel as exchange objects and lists.

/** They read the records of many runs, or all lists of tombstones. */
const lineages = proxyActivities<
  Pick<LineageActivities, 'lineageOfFile' | 'liftTombstones'> &
    Pick<AuditActivities, 'recordAudit'> &
    Pick<ErasureActivities, 'forgetTargets'>
>({
  startToCloseTimeout: '30m',
  scheduleToCloseTimeout: '50m',
  heartbeatTimeout: '1m',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 5 },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

/** Who saw a file. */
export async function lineage(input: LineageInput): Promise<Answered> {
  return lineages.lineageOfFile(input);
}

/** Lets purged keys into manifests again: recorded in the chain, and the list of keys erased. */
export async function liftTombstones({ request, by, reason, targetsUri, storage }: LiftInput): Promise<LiftResult> {
  const { runId, startTime } = workflowInfo();
  const ref = { request, execution: runId, startedAt: startTime.toISOString() };
  const work = { ref, storage, targetsUri, options: {} };
  const { lifted } = await lineages.liftTombstones(work);
  const event = { kind: 'lifted' as const, request, execution: runId, by, reason, keys: lifted };
  const { sequence, head } = await lineages.recordAudit({ ref, storage, event });
  await lineages.forgetTargets(work);
  return { lifted, sequence, head };
}
