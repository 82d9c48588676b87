import { getClient } from '@temporalio/activity';
import { MESSAGES, type ModelStatus, type RunProgress } from '../contracts/runs.js';
import { entityId } from '../contracts/names.js';
import { withFailures } from './errors.js';

/** Temporal's word for how a run stands: RUNNING, COMPLETED, FAILED, CANCELLED, TERMINATED, TIMED_OUT; undefined if it knows no such run (any more). */
export const statusOfRun = (run: string): Promise<string | undefined> =>
  asked('describe', run, async (handle) => (await handle.describe()).status.name);

/** A run's own account, also of one that was terminated; undefined if Temporal knows no such run. */
export const progressOf = (run: string): Promise<RunProgress | undefined> =>
  asked('query', run, (handle) => handle.query<RunProgress>(MESSAGES.progress));

/** What a model's entity says of itself, be it removed; undefined if this namespace knows none of that name. */
export const entityOf = (model: string): Promise<ModelStatus | undefined> =>
  asked('query', entityId(model), (handle) => handle.query<ModelStatus>(MESSAGES.status));

type Handle = ReturnType<ReturnType<typeof getClient>['workflow']['getHandle']>;

async function asked<T>(
  action: string,
  workflowId: string,
  question: (handle: Handle) => Promise<T>,
): Promise<T | undefined> {
  return withFailures({ action, resource: workflowId }, async () => {
    try {
      return await question(getClient().workflow.getHandle(workflowId));
    } catch (error) {
      if (error instanceof Error && error.name === 'WorkflowNotFoundError') return undefined;
      throw error;
    }
  });
}
