import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { entityId } from '../../contracts/names.js';
import { MESSAGES, type RunReceipt, type RunRequest, type RunResult } from '../../contracts/runs.js';

export interface MeasuredRun {
  readonly run: string;
  readonly result: RunResult;
  /** From the request to its result at the client, milliseconds. */
  readonly ms: number;
}

/** How often a run that waits in its entity's queue is looked for, and how often at most. */
const LOOK_MS = 20;
const LOOKS = 3_000;

/** Asks a model's entity for a run, as the command line does, and waits for its result. Throws where it isn't Deployed. */
export async function measuredRun(
  client: Client,
  model: string,
  request: Omit<RunRequest, 'trigger'> = {},
): Promise<MeasuredRun> {
  const started = performance.now();
  const { run } = await client.workflow
    .getHandle(entityId(model))
    .executeUpdate<RunReceipt, [RunRequest]>(MESSAGES.requestRun, { args: [{ trigger: 'manual', ...request }] });
  const result = await resultOf(client, run);
  const ms = performance.now() - started;
  if (result.outcome !== 'Deployed') throw new Error(`${run} ended as ${result.outcome}: ${result.reason}`);
  return { run, result, ms };
}

/** The run's value. One that is still queued, for a moment behind its predecessor's end, is waited for. */
async function resultOf(client: Client, run: string): Promise<RunResult> {
  for (let look = 1; ; look += 1) {
    try {
      return await client.workflow.getHandle<() => Promise<RunResult>>(run).result();
    } catch (error) {
      if (error instanceof WorkflowFailedError)
        throw new Error(`${run} failed: ${error.cause?.message ?? error.message}`, { cause: error });
      if (!(error instanceof WorkflowNotFoundError) || look === LOOKS) throw error;
      await sleep(LOOK_MS);
    }
  }
}
