import { CancelledFailure, CancellationScope, isCancellation } from '@temporalio/workflow';
import type { Outcome, RunResult } from '../../contracts/runs.js';
import { causeOf, failure } from '../failures.js';
import { housekeeping, records, waits } from '../profiles.js';
import type { Notices } from './notices.js';
import type { Run } from './run.js';

/**
 * Records how the run ended, tells whoever wants to know, and answers with the run's value. `newestDate` is that of a deployed run.
 * A cancel comes too late by now: what was decided, and perhaps deployed, is recorded as it is.
 */
export async function finish(
  run: Run,
  notices: Notices,
  outcome: RunResult['outcome'],
  reason: string,
  newestDate?: string,
): Promise<RunResult> {
  return CancellationScope.nonCancellable(() => conclude(run, notices, outcome, reason, newestDate));
}

async function conclude(
  run: Run,
  notices: Notices,
  outcome: RunResult['outcome'],
  reason: string,
  newestDate: string | undefined,
): Promise<RunResult> {
  const { definition } = run.input;
  const { outcomeUri, parameter } = await records.recordOutcome({
    definition,
    ref: run.ref,
    outcome: run.outcomeObject({ outcome, reason }),
    newestDate,
  });
  if (parameter !== undefined) run.note(`\`${definition.data.parameter}\` says ${parameter}`);
  run.conclude(outcome, reason);
  // A morning without news is no message: it stands in the UI and the ledger.
  if (outcome !== 'NoNewData') notices.post('ended');
  const deployed = outcome === 'Deployed';
  await Promise.all([
    index(run, outcomeUri),
    deployed ? cleanUp(run) : undefined,
    forgetEvaluation(run, deployed),
    notices.drain(),
  ]);
  return { ...result(run, outcome, reason), outcomeUri };
}

/** Records a failed or cancelled run, and answers with what the workflow must throw. Nothing here can hide that first failure. */
export async function finishBadly(run: Run, notices: Notices, error: unknown): Promise<unknown> {
  return CancellationScope.nonCancellable(async () => {
    const cause = causeOf(error);
    const stage = run.stage;
    const outcome: Outcome = cause.cancelled ? 'Cancelled' : 'Failed';
    const reason = cause.cancelled ? `cancelled on request during ${stage}` : cause.message;
    run.conclude(outcome, reason, cause.type);
    notices.post('ended');
    await Promise.all([
      recordEnd(run, { outcome, reason, failureType: cause.type }),
      forgetEvaluation(run, false),
      notices.drain(),
    ]);
    if (cause.cancelled) return isCancellation(error) ? error : new CancelledFailure(cause.message);
    return failure(cause.type ?? 'UnknownStatus', `${stage}: ${cause.message}`, error);
  });
}

async function recordEnd(run: Run, ended: Parameters<Run['outcomeObject']>[0]): Promise<void> {
  try {
    const { outcomeUri } = await records.recordOutcome({
      definition: run.input.definition,
      ref: run.ref,
      outcome: run.outcomeObject(ended),
    });
    await index(run, outcomeUri);
  } catch (error) {
    run.warn(`how the run ended could not be recorded in S3: ${causeOf(error).message}`);
  }
}

async function index(run: Run, outcomeUri: string): Promise<void> {
  try {
    await housekeeping.indexRun({ outcomeUri });
  } catch (error) {
    run.warn(`the ledger lacks this run; \`perennial ledger rebuild\` adds it: ${causeOf(error).message}`);
  }
}

async function cleanUp(run: Run): Promise<void> {
  try {
    await housekeeping.cleanUp({ ref: run.ref, definition: run.input.definition });
  } catch (error) {
    run.warn(`old endpoint configs and models were not removed: ${causeOf(error).message}`);
  }
}

/** No transform job goes on and no prediction stays, unless asked to keep; a candidate that isn't deployed leaves no SageMaker model. */
async function forgetEvaluation(run: Run, keepModel: boolean): Promise<void> {
  if (!run.leavesEvaluation) return;
  const { ref } = run;
  try {
    const { warnings } = await waits.forgetEvaluation({ ref, definition: run.input.definition, keepModel });
    warnings.forEach((line) => run.warn(line));
  } catch (error) {
    run.warn(`what the evaluation made may still be there, \`perennial orphans\` lists it: ${causeOf(error).message}`);
  }
}

function result(run: Run, outcome: RunResult['outcome'], reason: string): RunResult {
  const { files = 0, metrics = [], ...found } = run.found;
  return {
    outcome,
    reason,
    model: run.ref.model,
    asOf: run.asOf,
    files,
    dataHash: found.dataHash,
    trainingJob: found.trainingJob,
    instanceType: found.instanceType,
    artifactUri: found.artifactUri,
    metrics,
    modelName: found.modelName,
    endpoint: found.endpoint,
    endpointConfig: found.endpointConfig,
    evaluation: found.evaluation,
    manifestUri: found.manifestUri,
    fileRecordUri: found.fileRecordUri,
    warnings: run.warnings,
    stages: run.stageSeconds(),
  };
}
