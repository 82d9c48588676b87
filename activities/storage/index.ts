import { getClient } from '@temporalio/activity';
import type { Storage } from '../../contracts/storage/index.js';
import { STORAGE_ID, STORAGE_MEMO, type StorageActivities } from '../../contracts/storage/state.js';
import { withFailures } from '../errors.js';

/** What is declared about storage, by way of Temporal: the entity's memo, which needs no answer of a worker. */
export function createStorageActivities(): Pick<StorageActivities, 'declaredStorage'> {
  return {
    async declaredStorage() {
      const storage = await withFailures({ resource: `workflow ${STORAGE_ID}`, action: 'describe' }, async () => {
        try {
          const { status, memo } = await getClient().workflow.getHandle(STORAGE_ID).describe();
          return status.name === 'RUNNING' ? (memo?.[STORAGE_MEMO] as Storage | undefined) : undefined;
        } catch (error) {
          if (error instanceof Error && error.name === 'WorkflowNotFoundError') return undefined;
          throw error;
        }
      });
      return storage ? { storage } : {};
    },
  };
}
