import {
  ChildWorkflowCancellationType,
  ChildWorkflowFailure,
  ParentClosePolicy,
  TerminatedFailure,
  startChild,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import type { Definition } from '../../contracts/definition/index.js';
import { endpointDeletionId, runId, type RunTime } from '../../contracts/names.js';
import type { LastRun, QueuedRun, RunInput } from '../../contracts/runs.js';
import type { ChangeInput, ChangeRequest } from '../../contracts/versions.js';
import type { rollback } from '../change/index.js';
import type { endpointDeletion } from '../endpoint-deletion.js';
import { causeOf } from '../failures.js';
import type { retrain } from '../retrain/index.js';
import { MODEL } from '../search-attributes.js';

/** An entity that is terminated or cancelled asks its children to stop, so that they stop their remote jobs. */
const CHILD = {
  parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
  cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
} as const;

function startRun(own: Definition, { runTime, request }: QueuedRun): Promise<ChildWorkflowHandle<typeof retrain>> {
  const { definition = own, ...wish } = request;
  const input: RunInput = { runTime, definition, request: wish, entity: true };
  return startChild<typeof retrain>('retrain', {
    ...CHILD,
    workflowId: runId(own.name, runTime),
    args: [input],
    typedSearchAttributes: [{ key: MODEL, value: own.name }],
    staticSummary: summary(own.name, input),
  });
}

/** Runs one entry of the queue to its end, and says how it ended. `started` is called once Temporal has the run. Never rejects. */
export async function followRun(own: Definition, entry: QueuedRun, started: () => void): Promise<LastRun> {
  const ended = (outcome: LastRun['outcome'], reason: string): LastRun => ({
    run: runId(own.name, entry.runTime),
    outcome,
    reason,
    endedAt: new Date().toISOString(),
  });
  try {
    const child = await startRun(own, entry);
    started();
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

export function startDeletion(
  definition: Definition,
  at: RunTime,
): Promise<ChildWorkflowHandle<typeof endpointDeletion>> {
  return startChild<typeof endpointDeletion>('endpointDeletion', {
    ...CHILD,
    workflowId: endpointDeletionId(definition.name, at),
    args: [{ definition }],
    typedSearchAttributes: [{ key: MODEL, value: definition.name }],
    staticSummary: `delete endpoint ${definition.endpoint.name}`,
  });
}

/** A change of the endpoint by hand. Its id was minted by the entity, which waits for its wish for the lock. */
export function startChange(
  definition: Definition,
  workflowId: string,
  runTime: RunTime,
  request: ChangeRequest,
): Promise<ChildWorkflowHandle<typeof rollback>> {
  const input: ChangeInput = { runTime, definition, request };
  return startChild<typeof rollback>(request.kind, {
    ...CHILD,
    workflowId,
    args: [input],
    typedSearchAttributes: [{ key: MODEL, value: definition.name }],
    staticSummary: `${request.kind} ${definition.name}${request.to === undefined ? '' : ` to ${request.to.slice(0, LONGEST_EVENT)}`}`,
  });
}

/** Events name themselves: the UI has room for this much. */
const LONGEST_EVENT = 120;

/** One line for the UI's list: what was asked for. At most 400 bytes, Temporal's limit. */
function summary(model: string, { request }: RunInput): string {
  const asOf = request.asOf ?? request.nominalDate;
  const parts = [
    `retrain ${model} (${request.trigger}${request.event ? `: ${request.event.slice(0, LONGEST_EVENT)}` : ''})`,
    asOf && `as of ${asOf}`,
    request.resume && `resumes ${request.resume}`,
    request.force && 'forced',
    request.noDeploy && 'no deploy',
    request.set?.length && `${request.set.length} own settings`,
  ];
  return parts.filter(Boolean).join(', ');
}
