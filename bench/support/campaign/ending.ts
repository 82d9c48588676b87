import { once } from 'node:events';
import { ApplicationFailure, WorkflowFailedError, isGrpcServiceError, type Client } from '@temporalio/client';
import { entityId } from '../../../contracts/names.js';
import { MESSAGES, type RunProgress, type RunResult } from '../../../contracts/runs.js';

/** gRPC's code for what is not there. */
const NOT_FOUND = 5;

/** How a run ended, as Temporal tells it. */
export interface Ending {
  readonly run: string;
  /** Absent where the run failed. */
  readonly result?: RunResult;
  readonly progress: RunProgress;
  /** Activities that were tried more than once, with the failure of the last try before, if there was one. */
  readonly repeated: readonly string[];
  readonly failure?: { readonly type: string; readonly message: string };
}

/** Ids of the runs that a model's entity has started, in their order; none where there is no entity yet. */
export async function runsOf(client: Client, model: string): Promise<string[]> {
  const history = await client.workflow
    .getHandle(entityId(model))
    .fetchHistory()
    .catch((error: unknown) => {
      if (isGrpcServiceError(error) && Number(error.code) === NOT_FOUND) return undefined;
      throw error;
    });
  return (history?.events ?? []).flatMap(
    (event) => event.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.workflowId ?? [],
  );
}

/** Waits for a run to end, and says how. Rejects once `signal` is aborted. */
export async function endingOf(client: Client, run: string, signal: AbortSignal): Promise<Ending> {
  const handle = client.workflow.getHandle<() => Promise<RunResult>>(run);
  const ended = handle.result().then(
    (result) => ({ result }),
    (error: unknown) => ({ failure: failureOf(error) }),
  );
  signal.throwIfAborted();
  // A handle's own wait can't be ended; it ends with the run.
  const [aborted] = await Promise.race([once(signal, 'abort'), ended.then(() => [])]);
  if (aborted !== undefined) signal.throwIfAborted();
  const settled = await ended;
  const progress = await handle.query<RunProgress>(MESSAGES.progress);
  const { events } = await handle.fetchHistory();
  const names = new Map(
    (events ?? []).map((event) => [
      String(event.eventId),
      event.activityTaskScheduledEventAttributes?.activityType?.name ?? '',
    ]),
  );
  const repeated = (events ?? []).flatMap(({ activityTaskStartedEventAttributes: started }) => {
    if (!started || (started.attempt ?? 1) < 2) return [];
    const why = started.lastFailure?.applicationFailureInfo?.type ?? started.lastFailure?.message;
    return `${names.get(String(started.scheduledEventId))}${why ? `: ${why}` : ''}`;
  });
  return { run, progress, repeated, ...settled };
}

/** Type and message of the failure that a workflow ended with; anything else is thrown. */
export function failureOf(error: unknown): { type: string; message: string } {
  if (!(error instanceof WorkflowFailedError)) throw error;
  const { cause } = error;
  const type = cause instanceof ApplicationFailure ? (cause.type ?? '') : (cause?.name ?? '');
  return { type, message: cause?.message ?? error.message };
}
