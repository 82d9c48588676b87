import type { WorkflowFailedError, WorkflowHandle } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import { runId } from '../../contracts/names.js';
import type { RunInput } from '../../contracts/runs.js';
import { exampleDefinition } from '../support/definitions.js';
import { raise, script, type Script } from '../support/scripted-activities.js';
import { devServerEnvironment } from '../support/dev-server.js';
import { withWorker } from '../support/time-skipping.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await devServerEnvironment();
});
afterAll(() => env.teardown());

let runs = 0;

/** Plays a run and cancels it while `during` is at work: the activity goes on once the request has arrived. */
async function cancelDuring(
  during: keyof Activities,
  overrides: Partial<Activities> = {},
): Promise<{ scripted: Script; outcome: unknown }> {
  let handle: WorkflowHandle | undefined;
  const happy = script(overrides).activities as unknown as Record<string, (input: unknown) => Promise<unknown>>;
  let cancelled = false;
  const scripted = script({
    ...overrides,
    [during]: async (input: unknown) => {
      if (!cancelled) {
        cancelled = true;
        await handle?.cancel();
      }
      return happy[during]?.(input);
    },
  });
  const input: RunInput = {
    runTime: new Date(Date.now() + (runs += 1)).toISOString(),
    definition: exampleDefinition({ name: `cancel-${process.pid}` }),
    request: { trigger: 'manual' },
    entity: false,
  };
  const outcome = await withWorker(env, scripted.activities, async (taskQueue) => {
    handle = await env.client.workflow.start('retrain', {
      taskQueue,
      workflowId: runId(input.definition.name, input.runTime),
      args: [input],
    });
    return handle.result().catch((error: unknown) => (error as WorkflowFailedError).cause);
  });
  return { scripted, outcome };
}

describe('a run that is cancelled', () => {
  it('while its create of the training job is answered: stops that job', async () => {
    const { scripted, outcome } = await cancelDuring('startTraining');
    expect(outcome).toBeInstanceOf(CancelledFailure);
    expect(scripted.calls).toContain('stopTrainingJob');
    expect(scripted.outcomes).toMatchObject([{ outcome: 'Cancelled' }]);
  });

  it('while its update of the endpoint is answered: takes the update back', async () => {
    const { scripted, outcome } = await cancelDuring('startDeployment');
    expect(outcome).toBeInstanceOf(CancelledFailure);
    expect(scripted.calls).toContain('rollBack');
    expect(scripted.outcomes).toMatchObject([{ outcome: 'Cancelled' }]);
  });

  it('while an update whose answer was lost is tried again: takes the update back', async () => {
    let tries = 0;
    const { scripted, outcome } = await cancelDuring('startDeployment', {
      startDeployment: async () => {
        tries += 1;
        throw raise('NetworkError', 'socket hang up', '30s');
      },
    });
    expect(outcome).toBeInstanceOf(CancelledFailure);
    expect(tries).toBe(1);
    expect(scripted.calls).toContain('rollBack');
  });

  it('while the model is tried out: takes the update back', async () => {
    let takeBack = (): void => undefined;
    const takenBack = new Promise<void>((resolve) => (takeBack = resolve));
    const { scripted, outcome } = await cancelDuring('smokeTest', {
      // The run doesn't wait for this answer.
      smokeTest: () => takenBack.then(() => ({ latencyMs: 1 })),
      rollBack: async () => {
        takeBack();
        return { action: 'removed' };
      },
    });
    expect(outcome).toBeInstanceOf(CancelledFailure);
    expect(scripted.calls).toContain('rollBack');
    expect(scripted.outcomes).toMatchObject([{ outcome: 'Cancelled' }]);
  });

  it('while it records a verified deployment: too late, recorded, indexed and told all the same', async () => {
    const { scripted, outcome } = await cancelDuring('recordOutcome');
    expect(outcome).toMatchObject({ outcome: 'Deployed', warnings: [] });
    expect(scripted.calls).toContain('indexRun');
    expect(scripted.notices.at(-1)).toMatchObject({ kind: 'ended', outcome: 'Deployed' });
  });
});
