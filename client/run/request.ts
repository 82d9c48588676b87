import type { Client } from '@temporalio/client';
import type { RunInput } from '../../contracts/runs.js';

/** What a run was started with: the first event of its history, read alone. */
export async function runInput(client: Client, run: string, temporalRunId: string): Promise<RunInput | undefined> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId: run, runId: temporalRunId },
    maximumPageSize: 1,
  });
  const { payloadCodecs, payloadConverter } = client.options.loadedDataConverter;
  let payloads = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  for (const codec of payloadCodecs.toReversed()) payloads = await codec.decode(payloads);
  const [input] = payloads;
  return input && payloadConverter.fromPayload<RunInput>(input);
}
