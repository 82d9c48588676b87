import type { Context, ControlRule } from '../context.js';
import { forGood, NO_CAPACITY, pause } from '../faults.js';
import { JobFailure } from './failure.js';
import { enter, save, type Stage } from './record.js';
import type { TrainingJob } from './types.js';

/** Where a rule that names no stage takes effect. Capacity is what a job waits for before anything else. */
function stageOf(fault: ControlRule): string {
  return fault.stage ?? (fault.action === 'capacity' ? 'Starting' : 'Training');
}

/**
 * Carries out what a control rule has in store for a job that has just entered `stage`; nothing, for most. Throws
 * JobFailure with the FailureReason, or what aborted the waiting. `stop` is StopTrainingJob, called by somebody else.
 */
export async function meetFault(
  ctx: Context,
  job: TrainingJob,
  stage: Stage,
  { signal, stop }: { readonly signal: AbortSignal; readonly stop: () => void },
): Promise<void> {
  const fault = job.plan?.fault;
  if (!fault || stageOf(fault) !== stage) return;
  switch (fault.action) {
    case 'slow':
      save(ctx, job);
      return pause(fault, ctx.control, signal);
    case 'fail':
      save(ctx, job);
      await pause(fault, ctx.control, signal);
      throw new JobFailure(fault.reason ?? failureAt(stage));
    case 'capacity':
      enter(job, 'Pending');
      save(ctx, job);
      await pause(fault, ctx.control, signal);
      throw new JobFailure(fault.reason ?? `CapacityError: ${NO_CAPACITY}`);
    case 'stop':
      save(ctx, job);
      await pause(fault, ctx.control, signal);
      stop();
      signal.throwIfAborted();
      return;
    case 'status':
      return unknownStatus(ctx, job, fault, signal);
    case 'complete':
    case 'quota':
    case 'silent-rollback':
    case 'rollback-failed':
      return;
    default:
      fault.action satisfies never;
  }
}

/** Shows a status that no SDK knows, for a while or for good. The secondary status stays. */
async function unknownStatus(ctx: Context, job: TrainingJob, fault: ControlRule, signal: AbortSignal): Promise<void> {
  const { TrainingJobStatus: before } = job.state;
  job.state.TrainingJobStatus = String(fault.status);
  save(ctx, job);
  if (fault.delayMs === undefined) return forGood(signal);
  await pause(fault, ctx.control, signal);
  job.state.TrainingJobStatus = before;
  save(ctx, job);
}

/** The texts that AWS gives for a failure of each stage. */
function failureAt(stage: Stage): string {
  switch (stage) {
    case 'Downloading':
      return 'ClientError: Data download failed: failed by a control rule';
    case 'Uploading':
      return 'ClientError: Artifact upload failed: failed by a control rule';
    case 'Training':
      return 'AlgorithmError: failed by a control rule, exit code: 1';
    default:
      return 'InternalServerError: We encountered an internal error: failed by a control rule';
  }
}
