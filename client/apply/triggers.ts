import { WorkflowNotFoundError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import { entityId } from '../../contracts/names.js';
import { MESSAGES, WORKFLOWS } from '../../contracts/runs.js';
import { TRIGGERS_MEMO, type ModelTriggers } from '../../contracts/triggers.js';
import { plural } from '../format.js';

const fromMemo = (memo: Record<string, unknown> | undefined) => memo?.[TRIGGERS_MEMO] as ModelTriggers | undefined;

/** The models that events can start, by name. Needs no worker; visibility lags behind by up to a second. */
export async function eventTriggers(client: Client): Promise<Map<string, ModelTriggers>> {
  const found = new Map<string, ModelTriggers>();
  const query = `WorkflowType = "${WORKFLOWS.model}" AND ExecutionStatus = "Running"`;
  for await (const { workflowId, memo } of client.workflow.list({ query })) {
    const triggers = fromMemo(memo);
    if (triggers) found.set(workflowId.slice(entityId('').length), triggers);
  }
  return found;
}

/** What events start a model's runs, or undefined if none do. Needs no worker. */
export async function findEventTriggers(client: Client, model: string): Promise<ModelTriggers | undefined> {
  try {
    const { status, memo } = await client.workflow.getHandle(entityId(model)).describe();
    return status.name === 'RUNNING' ? fromMemo(memo) : undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** With a note: events start no runs of the model until this is called without one. A worker that is away does it when it is back. */
export const pauseEvents = (client: Client, model: string, note: string | undefined): Promise<void> =>
  client.workflow.getHandle(entityId(model)).signal(MESSAGES.pauseEvents, { note });

/** `new data, 2 events`. */
export function describeTriggers({ newData, events = [] }: ModelTriggers): string {
  return [newData && 'new data', events.length > 0 && plural(events.length, 'event')].filter(Boolean).join(', ');
}
