import type { Client } from '@temporalio/client';
import type { RunInput } from '../../contracts/runs.js';
import { firstOf } from './payloads.js';

/** What a run was started with: the first event of its history, read alone. */
export async function runInput(client: Client, run: string, temporalRunId: string): Promise<RunInput | undefined> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId: run, runId: temporalRunId },
    maximumPageSize: 1,
  });
  return firstOf<RunInput>(client, history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads);
}
