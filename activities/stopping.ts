import { activityInfo } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import { isFailure, withFailures } from './errors.js';
import { inProgress, look, nextLook } from './waiting.js';

/** Stopping takes a container up to 120 s; looks are never further apart than this. */
const POLL = '2s';

/** A job of SageMaker that can be asked to stop. */
export interface Stoppable {
  /** SageMaker's operation: `StopTrainingJob`. */
  readonly action: string;
  /** `training job <name>`. */
  readonly resource: string;
  /** Sends the operation. */
  send(): Promise<unknown>;
  /** Its status; undefined if there is no such job. */
  status(): Promise<string | undefined>;
  /** The failure for a status that nobody knows: it may be running. */
  unknown(status: string): ApplicationFailure;
}

/** Asks a job to stop and answers with its status once it is at an end, `absent` if there is none; InProgress until then. */
export async function stopJob(job: Stoppable): Promise<{ status: string }> {
  const delay = nextLook(POLL);
  const status = await look(job, delay, async () => {
    // The first attempt asks at once; a later one looks first, as the request was accepted, or its answer lost.
    if (activityInfo().attempt === 1 || (await job.status()) === 'InProgress') await ask(job);
    return (await job.status()) ?? 'absent';
  });
  switch (status) {
    case 'absent':
    case 'Completed':
    case 'Failed':
    case 'Stopped':
      return { status };
    case 'InProgress':
    case 'Stopping':
    case 'Deleting':
      throw inProgress(`${status}: asked to stop`, delay);
    default:
      throw job.unknown(status);
  }
}

/** A job that is absent or at an end already is fine, and the look that follows says which. */
async function ask({ action, resource, send }: Stoppable): Promise<void> {
  try {
    await withFailures({ action, resource }, send);
  } catch (error) {
    const ended = /rejected because the (training|transform) job is in status/i.test(String(error));
    if (!isFailure(error, 'ResourceMissing') && !ended) throw error;
  }
}
