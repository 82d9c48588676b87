import type { Client } from '@temporalio/client';
import { isGrpcServiceError } from '@temporalio/client';
import type { Definition } from '../../contracts/definition/index.js';
import type { ComparedRun, Comparison } from '../../contracts/insight.js';
import { parseRunId } from '../../contracts/names.js';
import { askForObject, firstDefinition } from '../answers.js';
import { runInput } from '../run/request.js';
import type { Terminal } from '../terminal.js';

/** A run with the definition it was started with, as long as Temporal keeps its history. */
export interface LoadedRun extends ComparedRun {
  readonly definition?: Definition;
}

/** gRPC: not found, and, for an id that can't be one of its own, invalid. */
const FORGOTTEN = [5, 3];

/** Everything known of these runs, in this order. */
export async function loadComparison(
  client: Client,
  terminal: Terminal,
  runs: readonly string[],
): Promise<LoadedRun[]> {
  const models = [...new Set(runs.map((run) => parseRunId(run)?.model ?? run))];
  const definition = await firstDefinition(client, terminal.env, models);
  const input = { definition, runs, outputUri: '' };
  const comparison = await askForObject<Comparison>(client, terminal, 'compareRuns', input);
  return Promise.all(
    comparison.runs.map(async (run) => {
      const started = await definitionOfRun(client, run);
      return started ? { ...run, definition: started } : run;
    }),
  );
}

async function definitionOfRun(client: Client, { outcome }: ComparedRun): Promise<Definition | undefined> {
  try {
    return (await runInput(client, outcome.run, outcome.temporalRunId))?.definition;
  } catch (error) {
    if (isGrpcServiceError(error) && FORGOTTEN.includes(error.code)) return undefined;
    throw error;
  }
}
