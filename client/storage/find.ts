import { WorkflowNotFoundError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import type { Storage } from '../../contracts/storage/index.js';
import { STORAGE_ID, STORAGE_MEMO } from '../../contracts/storage/state.js';

/** The storage that is declared now, or undefined if none is. Needs no worker. */
export async function findStorage(client: Client): Promise<Storage | undefined> {
  try {
    const { status, memo } = await client.workflow.getHandle(STORAGE_ID).describe();
    return status.name === 'RUNNING' ? (memo?.[STORAGE_MEMO] as Storage | undefined) : undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
