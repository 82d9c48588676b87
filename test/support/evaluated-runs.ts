import { type WorkflowHandle, WorkflowFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { DefinitionInput } from '../../contracts/definition/index.js';
import { runId } from '../../contracts/names.js';
import type { RunInput, RunRequest, RunResult } from '../../contracts/runs.js';
import { exampleDefinition } from './definitions.js';
import { script, type Script } from './scripted-activities.js';
import { withWorker } from './time-skipping.js';

let runs = 0;

/** Input of a run whose definition evaluates. */
export function input(
  evaluation: Partial<DefinitionInput['evaluation']> = {},
  request: Partial<RunRequest> = {},
): RunInput {
  return {
    runTime: new Date(Date.UTC(2026, 0, 1) + (runs += 1)).toISOString(),
    definition: exampleDefinition({
      evaluation: { metric: 'rmse', holdout: 'P30D', gate: { max: 2, noWorseThanLive: 0.02 }, ...evaluation },
    }),
    request: { trigger: 'manual', ...request },
    entity: false,
  };
}

/** How a run ended, and how long its history is. */
export interface Played {
  readonly result?: RunResult;
  readonly failure?: Error;
  readonly events: number;
}

/** Plays a run on scripted activities to its end; `meanwhile` is what people do. */
export async function play(
  env: TestWorkflowEnvironment,
  scripted: Script,
  run: RunInput,
  meanwhile: (handle: WorkflowHandle) => Promise<void> = async () => undefined,
): Promise<Played> {
  return withWorker(env, scripted.activities, async (taskQueue) => {
    const handle = await env.client.workflow.start('retrain', {
      taskQueue,
      workflowId: runId(run.definition.name, run.runTime),
      args: [run],
    });
    await meanwhile(handle);
    const ended = await handle.result().then(
      (result: RunResult) => ({ result }),
      (error: unknown) => {
        if (!(error instanceof WorkflowFailedError) || !error.cause) throw error;
        return { failure: error.cause };
      },
    );
    return { ...ended, events: (await handle.fetchHistory()).events?.length ?? 0 };
  });
}

/** Figures that no gate of these definitions lets pass. */
export const worse = { rmse: 1.2 };

/** Activities whose candidate, or live model, has other figures. */
export function scored(candidate: object, live?: object): Pick<Script['activities'], 'scoreModels'> {
  const { activities } = script();
  return {
    scoreModels: async (given) => {
      const happy = await activities.scoreModels(given);
      return {
        ...happy,
        candidate: { ...happy.candidate, metrics: { ...happy.candidate.metrics, ...candidate } },
        ...(happy.live && { live: { ...happy.live, metrics: { ...happy.live.metrics, ...live } } }),
      };
    },
  };
}
