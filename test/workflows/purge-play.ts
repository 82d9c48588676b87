import type { WorkflowFailedError, WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../contracts/activities.js';
import type { AuditEvent } from '../../contracts/purge/audit.js';
import { purgeId, type PurgeInput } from '../../contracts/purge/index.js';
import type { PurgeProgress } from '../../contracts/purge/process.js';
import { MESSAGES, WORKFLOWS } from '../../contracts/runs.js';
import { script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';

let requests = 0;

/** A purge of a list in `bucket`, under a request of its own. */
export const purgeInput = (more: Partial<PurgeInput> = {}): PurgeInput => ({
  request: `R-${process.pid}-${(requests += 1)}`,
  reason: 'erasure request',
  by: 'ann',
  targetsUri: 's3://bucket/_perennial/targets/list.jsonl',
  ...more,
});

/** Plays a purge to its end; answers with that, what was called, and what the chain was told. `meanwhile` acts beside it. */
export async function playPurge(
  env: TestWorkflowEnvironment,
  overrides: Partial<Activities> = {},
  input: PurgeInput = purgeInput(),
  meanwhile: (handle: WorkflowHandle) => Promise<void> = async () => undefined,
) {
  const events: AuditEvent[] = [];
  const happy = script(overrides);
  const scripted = script({
    ...overrides,
    recordAudit: async (told) => {
      const recorded = await happy.activities.recordAudit(told);
      events.push(told.event);
      return recorded;
    },
  });
  return withWorker(env, scripted.activities, async (taskQueue) => {
    const handle = await env.client.workflow.start(WORKFLOWS.purge, {
      taskQueue,
      workflowId: purgeId(input.request),
      args: [input],
    });
    const [end] = await Promise.all([
      handle.result().catch((error: unknown) => (error as WorkflowFailedError).cause as unknown),
      meanwhile(handle),
    ]);
    const progress = await handle.query<PurgeProgress>(MESSAGES.progress);
    const { searchAttributes, historyLength } = await handle.describe();
    return { end: end as unknown, calls: scripted.calls, events, progress, searchAttributes, historyLength };
  });
}

/** How often each name occurs. */
export const counted = (calls: readonly string[], name: string) => calls.filter((call) => call === name).length;
