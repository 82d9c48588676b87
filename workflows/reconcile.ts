import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type {
  MirrorDifference,
  ReconcileInput,
  ReconcileResult,
  StorageActivities,
} from '../contracts/storage/state.js';

/** Reads all of a bucket and of its mount. The next time of the schedule looks again, so an outage is not sat out for ever. */
const mirrors = proxyActivities<StorageActivities>({
  startToCloseTimeout: '1d',
  scheduleToCloseTimeout: '1d',
  heartbeatTimeout: '2m',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m', maximumAttempts: 10 },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

/** Compares every declared mirror with its bucket, and repairs. A mirror that can't be looked at keeps no other from it; the first failure is told at the end. */
export async function reconcile({ storage, dryRun = false }: ReconcileInput): Promise<ReconcileResult> {
  const declared = storage ?? (await mirrors.declaredStorage()).storage;
  if (!declared) return { mirrors: [] };
  const results = await Promise.allSettled(
    declared.mirrors.map((_, mirror) => mirrors.reconcileMirror({ storage: declared, mirror, dryRun })),
  );
  const done: MirrorDifference[] = [];
  for (const result of results) {
    if (result.status === 'rejected') throw result.reason;
    done.push(result.value);
  }
  return { mirrors: done };
}
