import {
  AddTagsCommand,
  CreateEndpointCommand,
  DescribeEndpointConfigCommand,
  type DescribeEndpointOutput,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { DeployInput, DeploymentStarted } from '../../contracts/activities.js';
import { deploymentName, TAGS } from '../../contracts/names.js';
import { fail, isFailure, withFailures } from '../errors.js';
import { tagsOf, tagValue } from '../resources.js';
import { attemptGuard, inProgress, nextLook } from '../waiting.js';
import { configTags, ensureConfig, ensureModel, listTags } from './create.js';
import { PREVIOUS_TAG, updateRequest } from './requests.js';
import { describeEndpoint, type Standing, standingOf } from './standing.js';
import { updateOnce } from './update.js';

/** How often an endpoint that moves for somebody else is looked at, at most. */
const POLL = '60s';

/**
 * Model, endpoint config, then the endpoint. Every step is found again by name, so that a retry goes on where the last try was cut.
 *
 * An endpoint that carries another model's tag is refused. One without our tag, made by hand or by another tool, is taken over and
 * tagged, with a warning: the update is blue/green, and its old config is what a roll-back returns to.
 */
export async function startDeployment(sagemaker: SageMakerClient, input: DeployInput): Promise<DeploymentStarted> {
  const alive = attemptGuard();
  const { ref, definition } = input;
  const endpoint = definition.endpoint.name;
  const name = deploymentName(ref.model, ref.runTime);
  const [, live] = await Promise.all([ensureModel(sagemaker, input), describeEndpoint(sagemaker, endpoint)]);
  const standing = standingOf(live, name);
  const started = (previousConfig: string | undefined, warnings: readonly string[] = []): DeploymentStarted => ({
    modelName: name,
    endpoint,
    endpointConfig: name,
    action: previousConfig === undefined ? 'created' : 'updated',
    ...(previousConfig !== undefined && { previousConfig }),
    warnings,
  });
  switch (standing.kind) {
    case 'busy':
      throw inProgress(standing.words, nextLook(POLL));
    case 'ours':
      return started(await previousOf(sagemaker, standing, name));
    case 'absent': {
      await ensureConfig(sagemaker, input, undefined);
      const ours = await change(sagemaker, endpoint, name, 'CreateEndpoint', () =>
        sagemaker.send(
          new CreateEndpointCommand({
            EndpointName: endpoint,
            EndpointConfigName: name,
            Tags: tagsOf(ref, definition),
          }),
        ),
      );
      return started(ours && (await previousOf(sagemaker, ours, name)));
    }
    case 'free': {
      const previous = standing.live.EndpointConfigName;
      const [tags, count] = await Promise.all([
        listTags(sagemaker, `endpoint ${endpoint}`, standing.live.EndpointArn),
        countBefore(sagemaker, input, standing.live),
        ensureConfig(sagemaker, input, previous),
      ]);
      const warnings = await claim(sagemaker, input, standing.live, tagValue(tags, TAGS.model));
      const request = updateRequest(input, standing.live, name, count);
      await change(sagemaker, endpoint, name, 'UpdateEndpoint', () => updateOnce(sagemaker, request, alive));
      return started(previous, warnings);
    }
  }
}

/** Config to roll back to, for an endpoint found on the run's config or on its way there. */
async function previousOf(
  sagemaker: SageMakerClient,
  standing: Extract<Standing, { kind: 'ours' }>,
  config: string,
): Promise<string | undefined> {
  if (standing.status !== 'InService') return standing.previousConfig;
  return tagValue(await configTags(sagemaker, config), PREVIOUS_TAG);
}

/** Makes the endpoint the model's own: refuses one of another model, tags one that nobody owned. Returns warnings. */
async function claim(
  sagemaker: SageMakerClient,
  { ref }: DeployInput,
  { EndpointName: endpoint, EndpointArn, EndpointConfigName }: DescribeEndpointOutput,
  owner: string | undefined,
): Promise<string[]> {
  if (owner === ref.model) return [];
  if (owner !== undefined) {
    throw fail(
      'NameConflict',
      `Endpoint ${endpoint} belongs to model ${owner} (its tag ${TAGS.model}): give ${ref.model} another endpoint.name, or remove the tag to hand the endpoint over`,
    );
  }
  await withFailures({ action: 'AddTags', resource: `endpoint ${endpoint}` }, () =>
    sagemaker.send(new AddTagsCommand({ ResourceArn: EndpointArn, Tags: [{ Key: TAGS.model, Value: ref.model }] })),
  );
  return [`endpoint ${endpoint} was not made by Perennial and is taken over; its config ${EndpointConfigName} is kept`];
}

/**
 * Instance count that the live config asked for. It is asked only where the live count differs from the definition's: either scaling
 * moved it, or the definition changed.
 */
async function countBefore(
  sagemaker: SageMakerClient,
  { definition: { endpoint } }: DeployInput,
  live: DescribeEndpointOutput,
): Promise<number | undefined> {
  const variant = live.ProductionVariants?.find(({ VariantName }) => VariantName === endpoint.variant);
  if (!variant || variant.DesiredInstanceCount === endpoint.count) return undefined;
  const config = live.EndpointConfigName;
  try {
    const { ProductionVariants } = await withFailures(
      { action: 'DescribeEndpointConfig', resource: `endpoint config ${config}` },
      () => sagemaker.send(new DescribeEndpointConfigCommand({ EndpointConfigName: config })),
    );
    return ProductionVariants?.find(({ VariantName }) => VariantName === endpoint.variant)?.InitialInstanceCount;
  } catch (error) {
    // A live config may have been deleted; what scaling arrived at then stays.
    if (isFailure(error, 'ResourceMissing')) return undefined;
    throw error;
  }
}

/**
 * Creates or updates the endpoint. A refusal because it exists or moves can be the echo of our own request, repeated inside the SDK:
 * then the endpoint is ours, and its standing is returned. If it moves for somebody else, the server tries again later.
 */
async function change(
  sagemaker: SageMakerClient,
  endpoint: string,
  config: string,
  action: string,
  send: () => Promise<unknown>,
): Promise<Extract<Standing, { kind: 'ours' }> | undefined> {
  try {
    await withFailures({ action, resource: `endpoint ${endpoint}` }, send);
    return undefined;
  } catch (error) {
    if (!isFailure(error, 'NameConflict') && !/in-progress endpoint/i.test(String(error))) throw error;
    const standing = standingOf(await describeEndpoint(sagemaker, endpoint), config);
    if (standing.kind === 'ours') return standing;
    throw inProgress(`Endpoint ${endpoint} changed meanwhile, waiting for it`, nextLook(POLL));
  }
}
