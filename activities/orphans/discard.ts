import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { OrphanActivities } from '../../contracts/activities.js';
import { deploymentName } from '../../contracts/names.js';
import { awaitEndpointGone } from '../endpoint/remove.js';
import { describeEndpoint, verdictOn } from '../endpoint/standing.js';
import { fail } from '../errors.js';
import { inProgress, look, nextLook } from '../waiting.js';
import { removeDeployment } from './resources.js';

type Discard = OrphanActivities['discardDeployment'];

/**
 * Waits until the endpoint stands as the roll-back wanted it, then removes the config and the model that the run made for it. An endpoint
 * that didn't come back is a failure, and nothing is removed.
 */
export async function discardDeployment(
  { sagemaker, region }: { sagemaker: SageMakerClient; region: string },
  { ref, definition, back }: Parameters<Discard>[0],
): ReturnType<Discard> {
  const endpoint = definition.endpoint.name;
  const name = deploymentName(ref.model, ref.runTime);
  const delay = nextLook(definition.waiting.poll);
  const about = { action: 'DescribeEndpoint', resource: `endpoint ${endpoint}` };
  if (back.action === 'removed') await awaitEndpointGone(sagemaker, endpoint);
  const live = await look(about, delay, () => describeEndpoint(sagemaker, endpoint));
  if (back.action === 'restored') {
    if (!live) throw fail('ResourceMissing', `Endpoint ${endpoint} is gone: somebody deleted it during the roll-back`);
    const verdict = verdictOn(live, back.config, region);
    if (verdict === false) throw inProgress(`${live.EndpointStatus}: endpoint ${endpoint} goes back`, delay);
    if (verdict !== true) throw verdict;
  }
  if (live?.EndpointConfigName === name || live?.PendingDeploymentSummary?.EndpointConfigName === name) {
    return { removed: 0, warnings: [`endpoint ${endpoint} is on ${name} by now, so that config and its model stay`] };
  }
  const removed = await look({ ...about, action: 'remove', resource: `deployment ${name}` }, delay, () =>
    removeDeployment(sagemaker, name, { model: ref.model, time: ref.runTime }),
  );
  return { removed, warnings: [] };
}
