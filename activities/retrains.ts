import { getClient } from '@temporalio/activity';
import { entityId } from '../contracts/names.js';
import type { RetrainActivities, RetrainedModel } from '../contracts/purge/process.js';
import type { PurgeRef } from '../contracts/purge/index.js';
import { MESSAGES, type RunReceipt, type RunRequest } from '../contracts/runs.js';
import { withFailures } from './errors.js';
import { entityOf, progressOf, statusOfRun } from './runs.js';
import { inProgress, look, nextLook } from './waiting.js';

/** Activities over Temporal itself: runs of the models that a purge has taken data from. */
export function createRetrainActivities(): RetrainActivities {
  return {
    requestRetrains: async ({ ref, models }) => ({
      runs: await Promise.all(models.map((model) => request(ref, model))),
    }),

    async awaitRetrains({ runs, poll }) {
      const delay = nextLook(poll);
      const about = { resource: runs.map(({ run }) => run).join(', '), action: 'look at' };
      const seen = await look(about, delay, () => Promise.all(runs.map(endOf)));
      const open = seen.filter(({ outcome }) => outcome === undefined);
      if (open.length > 0) throw inProgress(open.map(({ run, reason }) => `${run}: ${reason}`).join('; '), delay);
      return { runs: seen };
    },
  };
}

async function request({ request: id, execution }: PurgeRef, model: string): Promise<RetrainedModel> {
  const wish: RunRequest = { trigger: 'event', event: `purge ${id}`, force: true };
  return withFailures({ action: 'ask for a run of', resource: entityId(model) }, async () => {
    try {
      const { run } = await getClient()
        .workflow.getHandle(entityId(model))
        .executeUpdate<RunReceipt, [RunRequest]>(MESSAGES.requestRun, {
          // Temporal answers a second update of this id with the first one's receipt.
          updateId: `purge-${execution}`,
          args: [wish],
        });
      return { model, run };
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'WorkflowNotFoundError') throw error;
      return {
        model,
        run: entityId(model),
        outcome: 'Unknown',
        reason:
          'no such model is applied any more: `perennial apply` its definition and run it, or delete its endpoint',
      };
    }
  });
}

/** A run with how it ended; without an outcome, and with how it stands, while it is not over. */
async function endOf(wanted: RetrainedModel): Promise<RetrainedModel> {
  if (wanted.outcome !== undefined) return wanted;
  const { model, run } = wanted;
  const status = await statusOfRun(run);
  if (status === 'RUNNING') return { ...wanted, reason: (await progressOf(run))?.stage ?? 'running' };
  if (status !== undefined) {
    const { outcome, reason } = (await progressOf(run)) ?? {};
    // Temporal itself ended what has no outcome of its own.
    return { ...wanted, outcome: outcome ?? 'Failed', reason: reason ?? status };
  }
  const entity = await entityOf(model);
  const queued = entity?.queue.some(({ runTime }) => run.endsWith(`/${runTime}`));
  if (queued || entity?.running?.run === run) return { ...wanted, reason: 'queued' };
  return { ...wanted, outcome: 'Unknown', reason: 'it left the queue without starting' };
}
