import type { Client } from '@temporalio/client';
import { entityId } from '../../contracts/names.js';
import { WORKFLOWS } from '../../contracts/runs.js';
import { LIST_AGE_MS, TRIGGERS_MEMO, type ModelTriggers } from '../../contracts/triggers.js';

/** Temporal's most: a thousand models are one query. */
const PAGE = 1_000;

export interface ListedModel {
  readonly model: string;
  readonly triggers: ModelTriggers;
}

/**
 * The models that events may start, from the memos of their entities. Read when an event asks and the last list is LIST_AGE_MS old: an
 * idle queue costs nothing, a busy one a query an interval, however many models there are.
 * @returns a function that answers with the list, and fails while Temporal can't be asked
 */
export function modelDirectory(client: Client): () => Promise<readonly ListedModel[]> {
  let listed: Promise<readonly ListedModel[]> | undefined;
  let goodUntil = 0;

  async function list(): Promise<ListedModel[]> {
    const models: ListedModel[] = [];
    const query = `WorkflowType = "${WORKFLOWS.model}" AND ExecutionStatus = "Running"`;
    for await (const { workflowId, memo } of client.workflow.list({ query, pageSize: PAGE })) {
      const triggers = memo?.[TRIGGERS_MEMO] as ModelTriggers | undefined;
      if (triggers && triggers.paused === undefined)
        models.push({ model: workflowId.slice(entityId('').length), triggers });
    }
    return models;
  }

  return () => {
    if (!listed || Date.now() >= goodUntil) {
      goodUntil = Date.now() + LIST_AGE_MS;
      listed = list().catch((error: unknown) => {
        listed = undefined;
        throw error;
      });
    }
    return listed;
  };
}
