import { DeleteEndpointCommand, type SageMakerClient } from '@aws-sdk/client-sagemaker';
import { TAGS } from '../../contracts/names.js';
import { fail, isFailure, withFailures } from '../errors.js';
import { tagValue } from '../resources.js';
import { inProgress, look, nextLook } from '../waiting.js';
import { listTags } from './create.js';
import { describeEndpoint, unknownEndpointStatus } from './standing.js';

const POLL = '10s';

/** Starts the deletion of a model's endpoint. One that carries another model's tag is a NameConflict; one that moves is waited for. */
export async function deleteEndpoint(
  sagemaker: SageMakerClient,
  { model, endpoint }: { model: string; endpoint: string },
): Promise<{ state: 'deleting' | 'absent' }> {
  const resource = `endpoint ${endpoint}`;
  const live = await describeEndpoint(sagemaker, endpoint);
  if (!live) return { state: 'absent' };
  if (live.EndpointStatus === 'Deleting') return { state: 'deleting' };
  const owner = tagValue(await listTags(sagemaker, resource, live.EndpointArn), TAGS.model);
  if (owner !== undefined && owner !== model) {
    throw fail(
      'NameConflict',
      `Endpoint ${endpoint} belongs to model ${owner}, not to ${model}: delete it by that model's name`,
    );
  }
  try {
    await withFailures({ action: 'DeleteEndpoint', resource }, () =>
      sagemaker.send(new DeleteEndpointCommand({ EndpointName: endpoint })),
    );
    return { state: 'deleting' };
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return { state: 'absent' };
    if (/in-progress endpoint/i.test(String(error))) {
      throw inProgress(`${live.EndpointStatus}: ${resource} can't be deleted until it stands`, nextLook(POLL));
    }
    throw error;
  }
}

/** Answers once the endpoint is gone; InProgress until then. */
export async function awaitEndpointGone(sagemaker: SageMakerClient, endpoint: string): Promise<void> {
  const delay = nextLook(POLL);
  const about = { action: 'DescribeEndpoint', resource: `endpoint ${endpoint}` };
  const live = await look(about, delay, () => describeEndpoint(sagemaker, endpoint));
  if (!live) return;
  switch (live.EndpointStatus) {
    case 'Deleting':
      throw inProgress(`Deleting: endpoint ${endpoint}`, delay);
    case 'InService':
    case 'OutOfService':
    case 'Failed':
    case 'Creating':
    case 'Updating':
    case 'SystemUpdating':
    case 'RollingBack':
    case 'UpdateRollbackFailed':
      throw fail(
        'EndpointFailed',
        `Endpoint ${endpoint} is in status ${live.EndpointStatus} and is not being deleted: it was made anew meanwhile, or its deletion failed. Run "perennial endpoint delete <model>" again`,
      );
    default:
      throw unknownEndpointStatus(live);
  }
}
