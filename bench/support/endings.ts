import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { entityId } from '../../contracts/names.js';
import {
  MESSAGES,
  type Outcome,
  type RunProgress,
  type RunReceipt,
  type RunRequest,
  type RunResult,
} from '../../contracts/runs.js';

/** How a run ended, well or badly. */
export interface Ending {
  readonly run: string;
  readonly outcome: Outcome;
  readonly reason: string;
  readonly failureType?: string;
  readonly trainingJob?: string;
  readonly endpointConfig?: string;
}

const LOOK_MS = 50;
const START_WITHIN_MS = 60_000;

/** Asks a model's entity for a run, as the command line and schedules do, and answers with its id. */
export async function requestRun(client: Client, model: string, request: RunRequest): Promise<string> {
  const { run } = await client.workflow
    .getHandle(entityId(model))
    .executeUpdate<RunReceipt, [RunRequest]>(MESSAGES.requestRun, { args: [request] });
  return run;
}

/** Waits for a run's end. Unlike a result, a failure is an answer here; anything but a typed one is thrown. */
export async function endingOf(client: Client, run: string): Promise<Ending> {
  const handle = client.workflow.getHandle<(input: unknown) => Promise<RunResult>>(run);
  const deadline = Date.now() + START_WITHIN_MS;
  for (;;) {
    try {
      const { outcome, reason, trainingJob, endpointConfig } = await handle.result();
      return { run, outcome, reason, trainingJob, endpointConfig };
    } catch (error) {
      // Still queued, for a moment behind its predecessor's end.
      if (error instanceof WorkflowNotFoundError && Date.now() < deadline) await sleep(LOOK_MS);
      else if (error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure)
        return failed(run, error.cause, await handle.query<RunProgress>(MESSAGES.progress));
      else throw error;
    }
  }
}

function failed(run: string, { message, type }: ApplicationFailure, progress: RunProgress): Ending {
  const { outcome = 'Failed', trainingJob, endpointConfig } = progress;
  return { run, outcome, reason: message, ...(type && { failureType: type }), trainingJob, endpointConfig };
}
