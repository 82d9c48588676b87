import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { parseRunId } from '../../contracts/names.js';
import type { PrepareBeat } from '../../contracts/prepare.js';
import { MESSAGES } from '../../contracts/runs.js';
import type { Outcome, RunProgress, RunResult } from '../../contracts/runs.js';
import { innermost } from '../errors.js';
import { formatSeconds } from '../format.js';
import { silenceOf } from '../silence.js';
import { firstOf } from './payloads.js';

/** The longest that a worker may take to answer; a run can be shown without its own account. */
const PROGRESS_MS = 5_000;

/** An activity that is under way or waits for its next try. */
export interface Pending {
  readonly activity: string;
  readonly attempt: number;
  /** Message of the last try: for a wait, the status of the remote job. */
  readonly last?: string;
  /** What its heartbeats tell of work in a warehouse. */
  readonly beat?: PrepareBeat;
}

/** What a pending activity says of itself: `copy the query for 2m 05s, 1,200,000 rows so far`. */
export function pendingInWords({ last, beat }: Pending): string | undefined {
  if (!beat) return last;
  const { doing, seconds, rows } = beat;
  const now = `${doing} for ${formatSeconds(seconds)}${rows === undefined ? '' : `, ${rows.toLocaleString('en')} rows so far`}`;
  return last === undefined ? now : `${now}; the try before: ${last}`;
}

/** A run as Temporal knows it; `P` is what its `progress` query answers. */
export interface LiveRun<P = RunProgress> {
  readonly run: string;
  readonly model: string;
  readonly temporalRunId: string;
  /** Temporal's own word: RUNNING, COMPLETED, FAILED, CANCELLED, TERMINATED, TIMED_OUT. */
  readonly status: string;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly historyEvents: number;
  readonly pending: readonly Pending[];
  /** Why nothing may be heard of it, in words for people: there where no worker answers. */
  readonly silence?: string;
  /** Absent where the worker could not answer: the run's state is then what Temporal says. */
  readonly progress?: P;
}

async function pendingOf(client: Client, { raw }: WorkflowExecutionDescription): Promise<Pending[]> {
  return Promise.all(
    (raw.pendingActivities ?? []).map(async ({ activityType, attempt, lastFailure, heartbeatDetails }) => {
      const said = await firstOf<Partial<PrepareBeat>>(client, heartbeatDetails?.payloads).catch(() => undefined);
      return {
        activity: activityType?.name ?? 'an activity',
        attempt: attempt ?? 1,
        // The type of a wait's failure is no news to people.
        ...(lastFailure?.message ? { last: lastFailure.message.replace(/^InProgress: /, '') } : {}),
        ...(typeof said?.doing === 'string' && { beat: said as PrepareBeat }),
      };
    }),
  );
}

/** A run's own account. A closed one answers too, as long as a worker can replay it; undefined where none can. */
const askProgress = <P = RunProgress>(client: Client, run: string): Promise<P | undefined> =>
  client
    .withDeadline(Date.now() + PROGRESS_MS, () => client.workflow.getHandle(run).query<P>(MESSAGES.progress))
    .catch(() => undefined);

/** What Temporal knows of a run, or undefined if it knows none of this id (any more). */
export async function describeRun<P = RunProgress>(client: Client, run: string): Promise<LiveRun<P> | undefined> {
  const handle = client.workflow.getHandle(run);
  try {
    const description = await handle.describe();
    const progress = await askProgress<P>(client, run);
    // A query that no worker answers has taken its time: what waits, waits for a worker.
    const unanswered = progress === undefined && description.status.name === 'RUNNING';
    const silence = unanswered ? silenceOf(description, description.taskQueue) : undefined;
    return {
      run,
      model: parseRunId(run)?.model ?? run,
      temporalRunId: description.runId,
      status: description.status.name,
      startedAt: description.startTime.toISOString(),
      endedAt: description.closeTime?.toISOString(),
      historyEvents: description.historyLength,
      pending: await pendingOf(client, description),
      ...(silence !== undefined && { silence }),
      progress,
    };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** How a run ended. */
export interface RunEnd {
  readonly outcome: Outcome;
  readonly reason: string;
  /** For the outcomes that are a value of the workflow. */
  readonly result?: RunResult;
}

/** Waits for a run's end. A workflow that Temporal ended by itself (terminated, timed out) has failed. */
export async function awaitEnd(client: Client, run: string): Promise<RunEnd> {
  try {
    const result = await client.workflow.getHandle<() => Promise<RunResult>>(run).result();
    return { outcome: result.outcome, reason: result.reason, result };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const cancelled = error.cause?.name === 'CancelledFailure';
    // The run's own words, where it could still say them, are better than Temporal's.
    const progress = await askProgress(client, run);
    return { outcome: cancelled ? 'Cancelled' : 'Failed', reason: progress?.reason ?? innermost(error) };
  }
}
