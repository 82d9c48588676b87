import { DeleteEndpointCommand, type SageMakerClient, UpdateEndpointCommand } from '@aws-sdk/client-sagemaker';
import type { EndpointActivities } from '../../contracts/activities.js';
import { fail, isFailure, withFailures } from '../errors.js';
import { inProgress, nextLook } from '../waiting.js';
import { describeEndpoint, unknownEndpointStatus } from './standing.js';

const POLL = '10s';

type RollBack = EndpointActivities['rollBack'];

/**
 * Takes a failed config off an endpoint: back to the previous one, or the endpoint removed if it was its first. Only an endpoint that is
 * on exactly the failed config is touched; on another it is somebody else's by now, or SageMaker rolled back itself.
 */
export async function rollBack(
  sagemaker: SageMakerClient,
  { endpoint, failedConfig, previousConfig }: Parameters<RollBack>[0],
): ReturnType<RollBack> {
  const live = await describeEndpoint(sagemaker, endpoint);
  if (!live) return { action: 'none' };
  const pending = live.PendingDeploymentSummary?.EndpointConfigName;
  switch (live.EndpointStatus) {
    case 'Deleting':
      return { action: 'removed' };
    case 'Creating':
    case 'Updating':
    case 'SystemUpdating':
    case 'RollingBack':
      if (previousConfig !== undefined && pending === previousConfig) return { action: 'restored' };
      throw inProgress(
        `${live.EndpointStatus}: endpoint ${endpoint} can't be rolled back until it stands`,
        nextLook(POLL),
      );
    case 'InService':
    case 'OutOfService':
    case 'UpdateRollbackFailed':
    case 'Failed':
      break;
    default:
      throw unknownEndpointStatus(live);
  }
  if (live.EndpointConfigName !== failedConfig) return { action: 'none' };
  const about = { resource: `endpoint ${endpoint}` };
  try {
    if (previousConfig === undefined) {
      await withFailures({ ...about, action: 'DeleteEndpoint' }, () =>
        sagemaker.send(new DeleteEndpointCommand({ EndpointName: endpoint })),
      );
      return { action: 'removed' };
    }
    if (live.EndpointStatus === 'Failed') {
      throw fail(
        'EndpointFailed',
        `Endpoint ${endpoint} is in status Failed and can't return to ${previousConfig}: run "perennial endpoint delete <model>", then start a new run`,
      );
    }
    await withFailures({ ...about, action: 'UpdateEndpoint' }, () =>
      sagemaker.send(
        new UpdateEndpointCommand({
          EndpointName: endpoint,
          EndpointConfigName: previousConfig,
          RetainAllVariantProperties: true,
        }),
      ),
    );
    return { action: 'restored' };
  } catch (error) {
    if (isFailure(error, 'ResourceMissing') && previousConfig === undefined) return { action: 'none' };
    // The echo of our own request, repeated inside the SDK, or somebody else's: the next look says which.
    if (/in-progress endpoint/i.test(String(error))) throw inProgress(`Endpoint ${endpoint} moves`, nextLook(POLL));
    throw error;
  }
}
