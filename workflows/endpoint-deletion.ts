import type { EndpointDeletionInput, EndpointDeletionResult } from '../contracts/runs.js';
import { causeOf } from './failures.js';
import { endpoints, housekeeping, waits } from './profiles.js';
import { log } from '@temporalio/workflow';

/** Removes a model's endpoint. A child of its entity, which holds the endpoint's lock meanwhile. */
export async function endpointDeletion({ definition }: EndpointDeletionInput): Promise<EndpointDeletionResult> {
  const endpoint = definition.endpoint.name;
  const { state } = await endpoints.deleteEndpoint({ model: definition.name, endpoint });
  if (state === 'deleting') await waits.awaitEndpointGone({ endpoint });
  // Also where it was gone already: by hand, or by an earlier try of this deletion.
  try {
    await housekeeping.indexEndpointDeleted({ endpoint, at: new Date().toISOString() });
  } catch (error) {
    log.warn(`the ledger still shows ${endpoint} as live: ${causeOf(error).message}`);
  }
  return { endpoint, existed: state === 'deleting' };
}
