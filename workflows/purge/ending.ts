import { CancellationScope, CancelledFailure, isCancellation } from '@temporalio/workflow';
import type { AuditEvent, AuditRecorded } from '../../contracts/purge/audit.js';
import type { TargetsSeen } from '../../contracts/purge/index.js';
import type { LineageSummary } from '../../contracts/purge/lineage.js';
import type { PurgeOutcome, PurgeResult } from '../../contracts/purge/process.js';
import { causeOf, failure } from '../failures.js';
import { AUDIT, audit, erasing } from './profiles.js';
import { type Purge, plural } from './state.js';

type Ended = Extract<AuditEvent, { kind: 'ended' }>;

/** Records how a purge that came to its end ended, and drops the list of targets unless it is needed to resume. */
export async function finish(purge: Purge, targets: TargetsSeen, lineage: LineageSummary): Promise<PurgeResult> {
  const { outcome, reason } = verdict(purge);
  const recorded = await recordEnd(purge, outcome, reason);
  if (outcome !== 'Blocked') await forget(purge);
  purge.finish(outcome, reason);
  const { erased, copies, rows, remaining, later, blocked, records, retrained } = purge.found;
  return {
    outcome,
    reason,
    request: purge.ref.request,
    targets: { objects: targets.objects, prefixes: targets.prefixes, values: targets.values },
    erased,
    copies,
    ...(rows && { rows }),
    remaining,
    later,
    blocked,
    lineage,
    records,
    retrained,
    audit: recorded,
    seconds: purge.seconds,
    warnings: purge.warnings,
  };
}

/** Records that a purge failed or was cancelled. Answers with what the workflow must throw. */
export async function finishBadly(purge: Purge, error: unknown): Promise<unknown> {
  return CancellationScope.nonCancellable(async () => {
    const { cancelled, type, message } = causeOf(error);
    const { stage } = purge.progress;
    const outcome = cancelled ? 'Cancelled' : 'Failed';
    const reason = cancelled ? `${stage}: cancelled on request; what was erased stays erased` : `${stage}: ${message}`;
    try {
      if (purge.inChain === 'yes') await recordEnd(purge, outcome, reason);
      // Nothing was touched: the end of a request that may be in the chain is worth a try, and no wait.
      if (purge.inChain === 'asked') await recordEnd(purge, outcome, reason, '5s');
    } catch (unrecorded) {
      purge.warn(`the ledger did not record this end: ${causeOf(unrecorded).message}`);
    }
    purge.finish(outcome, reason);
    if (cancelled) return isCancellation(error) ? error : new CancelledFailure(reason);
    return failure(type ?? 'UnknownStatus', reason, error);
  });
}

async function recordEnd(
  purge: Purge,
  outcome: Ended['outcome'],
  reason: string,
  within: typeof AUDIT.scheduleToCloseTimeout | '5s' = AUDIT.scheduleToCloseTimeout,
): Promise<AuditRecorded> {
  const { ref, work, found } = purge;
  const { targets: _, report, ...facts } = found;
  const event: Ended = {
    kind: 'ended',
    request: ref.request,
    execution: ref.execution,
    outcome,
    reason,
    ...facts,
    ...report,
  };
  return audit.recordAudit.executeWithOptions({ ...AUDIT, scheduleToCloseTimeout: within, summary: outcome }, [
    { ref, storage: work.storage, event, ...(report && { reportUri: report.reportUri }) },
  ]);
}

/** The data is gone, and recorded as gone: a list that can't be erased is for a person to erase. */
async function forget(purge: Purge): Promise<void> {
  try {
    await erasing.forgetTargets(purge.work);
  } catch (error) {
    purge.warn(
      `${purge.input.targetsUri}, the list of targets, is still there: ${causeOf(error).message}. \`perennial purge forget ${purge.ref.request}\` erases it`,
    );
  }
}

function verdict({ found, ref, options }: Purge): { outcome: PurgeOutcome; reason: string } {
  const { erased, copies, rows, later, blocked } = found;
  const whole = rows?.objectsDeleted ? ` and ${plural(rows.objectsDeleted, 'object')} that held nothing else` : '';
  const gone = rows
    ? `${plural(rows.rows, 'row')} in ${plural(rows.objectsRewritten, 'object')}${whole}`
    : [
        plural(erased.versions, 'version'),
        plural(erased.markers, 'delete marker'),
        plural(erased.uploads, 'upload'),
        `${plural(copies.files, 'file')} on mounts`,
      ]
        .filter((words, index) => index === 0 || !words.startsWith('0 '))
        .join(', ');
  const erasedInWords = `erased ${erased.atLeast && !rows ? 'at least ' : ''}${gone}`;
  if (blocked.length > 0) {
    const why = blocked.map(({ by, entries, until }) => `${entries} by ${by}${until ? ` until ${until}` : ''}`);
    return {
      outcome: 'Blocked',
      reason: `${erasedInWords}; blocked: ${why.join(', ')}. \`perennial purge resume ${ref.request}\` goes on when they are free`,
    };
  }
  if (later > 0) {
    return {
      outcome: 'Reuploaded',
      reason: `${erasedInWords}; ${plural(later, 'object')} came under the targets since the purge began, and ${later === 1 ? 'is' : 'are'} still there${
        options.uploads === 'purge'
          ? '. What was there before is gone, and uploads go on: stop them, and purge again'
          : ''
      }`,
    };
  }
  const proof = rows ? 'read once more, the objects hold none' : 'a new listing finds nothing of the targets';
  return { outcome: 'Purged', reason: `${erasedInWords}; ${proof}` };
}
