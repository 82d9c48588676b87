import {
  ApplicationFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  log,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { endpointDeletionId, runId } from '../../contracts/names.js';
import type { LastRun, ModelState, QueuedRun, RunReceipt, RunRequest } from '../../contracts/runs.js';
import { causeOf } from '../failures.js';
import { MODEL, startDeletion, startRun } from './children.js';
import { EndpointLock } from './lock.js';
import * as messages from './messages.js';
import { pauseAfterFailures } from './pause.js';
import { MOST_OWN_REQUESTS, RunQueue } from './queue.js';

/** Well under Temporal's 51,200; an entity with this much behind it starts afresh between two children. */
const LONG_HISTORY = 4_000;

/**
 * The long-lived entity of one model: holds its definition, the queue of runs and the endpoint's lock, runs one retrain at a time
 * as a child, counts failures in a row and pauses the schedule after too many, and continues as new only while no child runs (that would cancel it).
 */
export async function model(state: ModelState): Promise<void> {
  const { name } = state;
  const queue = new RunQueue(name, state.queue, state.lastTime);
  const lock = new EndpointLock();
  let { definition, failures = 0, lastRun, retired = false } = state;
  let running: { run: string; since: string; started: boolean } | undefined;
  let errands = 0;
  let lastDeletion = 0;

  const worn = () => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > LONG_HISTORY;
  const wish = (request: RunRequest): RunReceipt => {
    const receipt = queue.add(request, Date.now(), running !== undefined);
    void pump();
    return receipt;
  };

  setHandler(messages.status, () => ({
    definition,
    running,
    queue: queue.entries,
    failures,
    lastRun,
    endpointHolder: lock.holder,
  }));
  const requested = async (request: RunRequest): Promise<RunReceipt> => {
    const receipt = wish(request);
    // Whoever asked may look the run up at once: answer when it is there.
    await condition(() => running?.run !== receipt.run || running.started);
    return receipt;
  };
  setHandler(messages.requestRun, requested, {
    validator: (request) => {
      if (retired)
        throw ApplicationFailure.nonRetryable(
          `model ${name} was removed; run \`perennial apply\` with its definition`,
          'ResourceMissing',
        );
      if (!queue.accepts(request)) {
        throw ApplicationFailure.nonRetryable(
          `${MOST_OWN_REQUESTS} requests with their own settings wait for ${name} already; cancel one or wait`,
          'QuotaExceeded',
        );
      }
    },
  });
  setHandler(messages.runWanted, (request) => {
    // A trigger that was under way when the model was removed.
    if (!retired) wish(request);
  });
  setHandler(messages.apply, (wanted) => {
    const changed = retired || JSON.stringify(wanted) !== JSON.stringify(definition);
    definition = wanted;
    retired = false;
    return { changed };
  });
  setHandler(messages.dropQueued, (run) => queue.drop(run));
  setHandler(messages.retire, () => {
    retired = true;
  });
  setHandler(messages.endpointWanted, ({ workflowId }) => {
    // The wish of a run that was over before it came: nobody would ever give the lock back.
    if (workflowId !== running?.run) return;
    lock.want(workflowId);
    void grantEndpoint();
  });
  setHandler(messages.deleteEndpoint, async () => {
    errands += 1;
    try {
      // Two requests of one moment are two deletions, each with the lock for itself.
      lastDeletion = Math.max(Date.now(), lastDeletion + 1);
      const at = new Date(lastDeletion).toISOString();
      const workflowId = endpointDeletionId(name, at);
      lock.want(workflowId, true);
      void grantEndpoint();
      await condition(() => lock.holder === workflowId);
      const child = await startDeletion(definition, at).catch((error: unknown) => {
        lock.release(workflowId);
        throw error;
      });
      void awaitDeletion(child.result(), workflowId);
      return { workflowId };
    } finally {
      errands -= 1;
    }
  });

  async function awaitDeletion(result: Promise<unknown>, workflowId: string): Promise<void> {
    errands += 1;
    try {
      await result;
    } catch (error) {
      // The deletion itself is red and says why; the entity goes on.
      log.warn(`${workflowId}: ${causeOf(error).message}`);
    } finally {
      errands -= 1;
      lock.release(workflowId);
      await grantEndpoint();
    }
  }

  async function grantEndpoint(): Promise<void> {
    const holder = lock.grant();
    if (holder === undefined || holder !== running?.run) return;
    try {
      await getExternalWorkflowHandle(holder).signal(messages.endpointGranted);
    } catch (error) {
      log.warn(`${holder} was gone when it got the endpoint: ${causeOf(error).message}`);
    }
  }

  async function pump(): Promise<void> {
    if (running || worn()) return;
    const entry = queue.next();
    if (!entry) return;
    const run = runId(name, entry.runTime);
    running = { run, since: new Date().toISOString(), started: false };
    show();
    lastRun = await follow(run, entry);
    failures = lastRun.outcome === 'Failed' ? failures + 1 : lastRun.outcome === 'Cancelled' ? failures : 0;
    running = undefined;
    if (lastRun.outcome === 'Failed') {
      errands += 1;
      void pauseAfterFailures(definition, failures, lastRun.reason).finally(() => (errands -= 1));
    }
    lock.release(run);
    show();
    void grantEndpoint();
    void pump();
  }

  async function follow(run: string, entry: QueuedRun): Promise<LastRun> {
    const ended = (outcome: LastRun['outcome'], reason: string): LastRun => ({
      run,
      outcome,
      reason,
      endedAt: new Date().toISOString(),
    });
    try {
      const child = await startRun(definition, entry);
      if (running) running.started = true;
      const { outcome, reason } = await child.result();
      return ended(outcome, reason);
    } catch (error) {
      const { cancelled, message } = causeOf(error);
      if (error instanceof ChildWorkflowFailure && error.cause instanceof TerminatedFailure) {
        return ended('Failed', 'terminated by hand: what it started may still be running in SageMaker');
      }
      return ended(cancelled ? 'Cancelled' : 'Failed', message);
    }
  }

  function show(): void {
    const lines = [
      running ? `**running** \`${running.run}\`` : '**idle**',
      `**queued** ${queue.entries.length}`,
      `**failures in a row** ${failures}`,
      lastRun && `**last run** ${lastRun.outcome}: ${lastRun.reason} (\`${lastRun.run}\`)`,
    ];
    setCurrentDetails(lines.filter(Boolean).join('  \n'));
  }

  upsertSearchAttributes([{ key: MODEL, value: name }]);
  show();
  void pump();
  const idle = () => !running && errands === 0 && !lock.busy && allHandlersFinished();
  await condition(() => idle() && (worn() || (retired && queue.entries.length === 0)));
  if (retired && queue.entries.length === 0) return;
  await continueAsNew<typeof model>({
    name,
    definition,
    queue: queue.entries,
    failures,
    lastRun,
    lastTime: queue.newestTime,
    retired,
  });
}
