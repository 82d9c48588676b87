import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { TAGS } from '../../contracts/names.js';
import type { VersionActivities } from '../../contracts/versions.js';
import { ensureConfig, listTags } from '../endpoint/create.js';
import { change, claim, countBefore, warningOf } from '../endpoint/deploy.js';
import { updateRequest } from '../endpoint/requests.js';
import { restore } from '../endpoint/roll-back.js';
import { describeEndpoint, standingOf } from '../endpoint/standing.js';
import { updateOnce } from '../endpoint/update.js';
import { fail } from '../errors.js';
import { tagValue } from '../resources.js';
import { attemptGuard, inProgress, nextLook } from '../waiting.js';

/** How often an endpoint that moves for somebody else is looked at, at most. */
const POLL = '60s';

type Start = VersionActivities['startChange'];

/**
 * Updates the endpoint to the planned config. A roll-back goes all at once, with the instance count and weights that the endpoint has: it is
 * in a hurry, and demand is what it is. A deploy makes its config first, and goes as the definition's strategy wants.
 */
export async function startChange(
  sagemaker: SageMakerClient,
  { ref, definition, kind, plan }: Parameters<Start>[0],
): ReturnType<Start> {
  const alive = attemptGuard();
  const { endpoint, from, to } = plan;
  const standing = standingOf(await describeEndpoint(sagemaker, endpoint), to.config);
  switch (standing.kind) {
    case 'absent':
      throw fail('ResourceMissing', `Endpoint ${endpoint} is gone: somebody deleted it meanwhile, nothing was changed`);
    case 'busy':
      throw inProgress(standing.words, nextLook(POLL));
    case 'ours':
      return { warnings: [] };
    case 'free':
      break;
  }
  const { live } = standing;
  if (live.EndpointConfigName !== from.config) {
    throw fail(
      'LiveChanged',
      `Endpoint ${endpoint} serves ${live.EndpointConfigName} by now, not ${from.config}: nothing was changed. Ask again if you still want to`,
    );
  }
  const owner = tagValue(await listTags(sagemaker, `endpoint ${endpoint}`, live.EndpointArn), TAGS.model);
  const claimed = await claim(sagemaker, { ref }, live, owner);
  if (kind === 'rollback') {
    await change(sagemaker, endpoint, to.config, 'UpdateEndpoint', () => restore(sagemaker, live, to.config, alive));
    return { warnings: claimed };
  }
  const [count] = await Promise.all([
    countBefore(sagemaker, { definition }, live),
    ensureConfig(sagemaker, { ref, definition, modelName: to.modelName }, from.config),
  ]);
  const seen = { endpoint: live, ...(count !== undefined && { countBefore: count }) };
  const request = updateRequest({ definition }, seen, to.config);
  await change(sagemaker, endpoint, to.config, 'UpdateEndpoint', () => updateOnce(sagemaker, request, alive));
  return { warnings: [...claimed, ...warningOf(definition, seen)] };
}
