import {
  DeleteEndpointCommand,
  DescribeEndpointConfigCommand,
  type DescribeEndpointOutput,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { EndpointActivities } from '../../contracts/activities.js';
import { fail, isFailure, withFailures } from '../errors.js';
import { tagValue } from '../resources.js';
import { attemptGuard, inProgress, nextLook } from '../waiting.js';
import { configTags } from './create.js';
import { PREVIOUS_TAG } from './requests.js';
import { describeEndpoint, unknownEndpointStatus } from './standing.js';
import { updateOnce } from './update.js';

const POLL = '10s';

type RollBack = EndpointActivities['rollBack'];

/**
 * Takes a failed config off an endpoint: back to the previous one, or the endpoint removed if it was its first. Only an endpoint that is
 * on exactly the failed config, on its way there, or stuck between it and the previous one is touched; on another it is somebody else's by
 * now, or SageMaker rolled back itself.
 */
export async function rollBack(
  sagemaker: SageMakerClient,
  { endpoint, failedConfig, previousConfig }: Parameters<RollBack>[0],
): ReturnType<RollBack> {
  const alive = attemptGuard();
  const live = await describeEndpoint(sagemaker, endpoint);
  if (!live) return { action: 'none' };
  const pending = live.PendingDeploymentSummary?.EndpointConfigName;
  const concerned = live.EndpointConfigName === failedConfig || pending === failedConfig;
  switch (live.EndpointStatus) {
    case 'Deleting':
      return { action: 'removed' };
    case 'Creating':
    case 'Updating':
    case 'SystemUpdating':
    case 'RollingBack':
      if (previousConfig !== undefined && pending === previousConfig) {
        return { action: 'restored', config: previousConfig };
      }
      if (pending !== undefined && !concerned) return { action: 'none' };
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
  // SageMaker's own way back failed: both fleets may answer, whichever config it names. An update to the one before ends that.
  const mixed = live.EndpointStatus === 'UpdateRollbackFailed' && live.EndpointConfigName === previousConfig;
  if (live.EndpointConfigName !== failedConfig && !mixed) return { action: 'none' };
  const back = previousConfig ?? (await previousOf(sagemaker, failedConfig));
  try {
    if (back === undefined) return await removeEndpoint(sagemaker, endpoint);
    await restore(sagemaker, live, back, alive);
    return { action: 'restored', config: back };
  } catch (error) {
    // The echo of our own request, repeated inside the SDK, or somebody else's: the next look says which.
    if (/in-progress endpoint/i.test(String(error))) throw inProgress(`Endpoint ${endpoint} moves`, nextLook(POLL));
    throw error;
  }
}

/** The config that was live when the failed one was made: its tag says so. Without the config nobody knows, and nothing is deleted. */
async function previousOf(sagemaker: SageMakerClient, failedConfig: string): Promise<string | undefined> {
  const tags = await configTags(sagemaker, failedConfig);
  if (tags) return tagValue(tags, PREVIOUS_TAG);
  throw fail(
    'ResourceMissing',
    `Endpoint config ${failedConfig} is gone, and with it the name of the config before: update the endpoint by hand, or start a new run`,
  );
}

async function removeEndpoint(sagemaker: SageMakerClient, endpoint: string): ReturnType<RollBack> {
  try {
    await withFailures({ action: 'DeleteEndpoint', resource: `endpoint ${endpoint}` }, () =>
      sagemaker.send(new DeleteEndpointCommand({ EndpointName: endpoint })),
    );
    return { action: 'removed' };
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return { action: 'none' };
    throw error;
  }
}

/** Updates the endpoint to the config before. What scaling arrived at is kept where that config has the live variants. */
export async function restore(
  sagemaker: SageMakerClient,
  live: DescribeEndpointOutput,
  config: string,
  alive: () => void,
): Promise<void> {
  const endpoint = live.EndpointName;
  if (live.EndpointStatus === 'Failed') {
    throw fail(
      'EndpointFailed',
      `Endpoint ${endpoint} is in status Failed and can't return to ${config}: run "perennial endpoint delete <model>", then start a new run`,
    );
  }
  const { ProductionVariants = [] } = await withFailures(
    { action: 'DescribeEndpointConfig', resource: `endpoint config ${config}` },
    () => sagemaker.send(new DescribeEndpointConfigCommand({ EndpointConfigName: config })),
  );
  const names = new Set(ProductionVariants.map(({ VariantName }) => VariantName));
  const same = (live.ProductionVariants ?? []).some(({ VariantName }) => names.has(VariantName));
  const request = {
    EndpointName: endpoint,
    EndpointConfigName: config,
    ...(same && { RetainAllVariantProperties: true }),
  };
  await updateOnce(sagemaker, request, alive);
}
