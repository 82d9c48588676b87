import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { AuditActivities } from '../../contracts/purge/audit.js';
import type { CopyActivities, ErasureActivities, RowActivities } from '../../contracts/purge/index.js';
import type { LineageActivities } from '../../contracts/purge/lineage.js';
import type { RetrainActivities } from '../../contracts/purge/process.js';
import type { StorageActivities } from '../../contracts/storage/state.js';
import { WAIT } from '../profiles.js';

// A purge that has begun is to end: outages of a day are sat out, and of the ledger a week.

const BACKOFF = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '1m' } as const;

/** Reads the list, the settings of buckets and the records of runs: a list may have millions of lines. */
export const inspection = proxyActivities<
  Pick<ErasureActivities, 'inspectTargets'> &
    Pick<StorageActivities, 'declaredStorage'> &
    Pick<LineageActivities, 'lineageOfTargets'>
>({
  startToCloseTimeout: '1h',
  scheduleToCloseTimeout: '1d',
  heartbeatTimeout: '1m',
  retry: BACKOFF,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

/** A cancel waits until the worker has stopped: what the record says was erased is then all that was. */
export const ERASING = {
  startToCloseTimeout: '1d',
  scheduleToCloseTimeout: '2d',
  heartbeatTimeout: '1m',
  retry: BACKOFF,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} as const;

/** Works through all targets, or for a leg; what is gone stays gone. */
export const erasing = proxyActivities<
  Pick<ErasureActivities, 'eraseObjects' | 'verifyObjects' | 'forgetTargets'> &
    Pick<CopyActivities, 'eraseCopies' | 'verifyCopies'> &
    Pick<RowActivities, 'eraseRows' | 'verifyRows'> &
    Pick<LineageActivities, 'setTombstones' | 'settleTombstones' | 'redactRecords'>
>(ERASING);

/** The chain of the ledger. Nothing is touched before it says so, and nothing is over before it does: the purge waits for it. */
export const AUDIT = {
  startToCloseTimeout: '1h',
  scheduleToCloseTimeout: '7d',
  heartbeatTimeout: '1m',
  retry: BACKOFF,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} as const;

export const audit = proxyActivities<Pick<AuditActivities, 'recordAudit'>>(AUDIT);

/** Waits: for jobs to stop, and for runs, which may be long and ask a person. */
export const waiting = proxyActivities<
  Pick<LineageActivities, 'stopReaders'> & Pick<RetrainActivities, 'requestRetrains' | 'awaitRetrains'>
>({
  ...WAIT,
  startToCloseTimeout: '1m',
  retry: BACKOFF,
  scheduleToCloseTimeout: '30d',
});

/** A person at a terminal waits for the answer of a dry run. */
export const planning = proxyActivities<
  Pick<ErasureActivities, 'inspectTargets' | 'planObjects'> &
    Pick<CopyActivities, 'planCopies'> &
    Pick<RowActivities, 'planRows'> &
    Pick<LineageActivities, 'lineageOfTargets'>
>({
  startToCloseTimeout: '1h',
  scheduleToCloseTimeout: '2h',
  heartbeatTimeout: '1m',
  retry: { ...BACKOFF, maximumAttempts: 3 },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});
