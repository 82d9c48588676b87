import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { vi } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import type { DefinitionInput } from '../../contracts/definition/index.js';
import { runId } from '../../contracts/names.js';
import type { PrepareActivities } from '../../contracts/prepare.js';
import type { RunInput, RunRequest } from '../../contracts/runs.js';
import { exampleDefinition } from '../support/definitions.js';
import { raise, script } from '../support/scripted-activities.js';
import { PREPARE, scriptedPrepare } from '../support/scripted-prepare.js';
import { withWorker } from '../support/time-skipping.js';

/** Plays one path of a workflow and answers with the handle of the finished execution, whose history is what gets recorded. */
export type Scenario = (servers: Servers) => Promise<WorkflowHandle>;

export interface Servers {
  readonly skipping: TestWorkflowEnvironment;
  readonly live: TestWorkflowEnvironment;
}

const RUN_TIME = '2026-01-01T00:00:00.000Z';

interface Path {
  readonly overrides?: Partial<Activities>;
  readonly request?: Partial<RunRequest>;
  readonly evaluation?: DefinitionInput['evaluation'];
  /** Has a warehouse prepare the data, by these in place of what goes well. */
  readonly preparing?: Partial<PrepareActivities>;
  /** Its activity during which the run is cancelled: it waits for that. */
  readonly cancelPreparing?: keyof PrepareActivities;
  /** What people do while it runs. On the dev server. */
  readonly meanwhile?: (handle: WorkflowHandle) => Promise<void>;
  /** Activity during which the run is cancelled: it is under way until then, and answers as usual afterwards. */
  readonly cancelIn?: keyof Activities;
  /** When that activity is tried again, where the run waits for it in spite of the cancel. */
  readonly again?: string;
}

/** A run of its own, to its end. */
export function retrain(path: Path): Scenario {
  const { overrides, request, evaluation, preparing, cancelPreparing, meanwhile, cancelIn, again = '60s' } = path;
  return ({ skipping, live }) => {
    const env = cancelIn || cancelPreparing || meanwhile ? live : skipping;
    const waits = { [cancelPreparing ?? '']: () => Context.current().cancelled };
    const prepared = preparing && scriptedPrepare({ ...preparing, ...(cancelPreparing ? waits : {}) });
    const happy = script(overrides).activities as unknown as Record<string, (input: unknown) => Promise<unknown>>;
    let cancelled = false;
    const underWay = async (input: unknown) =>
      cancelled ? happy[cancelIn ?? '']?.(input) : Promise.reject(raise('InProgress', 'under way', again));
    const scripted = script({ ...overrides, ...(cancelIn ? { [cancelIn]: underWay } : {}) });
    const definition = exampleDefinition({
      training: { algorithm: 'linear-learner', instances: ['ml.m5.large', 'ml.m5.xlarge'] },
      ...(evaluation ? { evaluation } : {}),
      ...(preparing ? { prepare: PREPARE } : {}),
    });
    const input: RunInput = {
      runTime: RUN_TIME,
      definition,
      request: { trigger: 'manual', ...request },
      entity: false,
    };
    const play = async (taskQueue: string) => {
      const handle = await env.client.workflow.start('retrain', {
        taskQueue,
        workflowId: runId(definition.name, RUN_TIME),
        args: [input],
      });
      if (cancelIn) {
        await vi.waitUntil(() => scripted.count(cancelIn) > 0, { timeout: 10_000 });
        cancelled = true;
        await handle.cancel();
      }
      if (cancelPreparing) {
        await vi.waitUntil(() => prepared?.calls.includes(cancelPreparing), { timeout: 10_000 });
        await handle.cancel();
      }
      await meanwhile?.(handle);
      await handle.result().catch(() => undefined);
      return handle;
    };
    return withWorker(env, scripted.activities, play, prepared?.activities);
  };
}
