import {
  AddTagsCommand,
  CreateEndpointCommand,
  DescribeEndpointConfigCommand,
  type DescribeEndpointOutput,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { DeployInput, DeploymentStarted } from '../../contracts/activities.js';
import type { Definition } from '../../contracts/definition/index.js';
import { releaseOf } from '../../contracts/definition/release.js';
import { deploymentName, TAGS } from '../../contracts/names.js';
import { fail, isFailure, withFailures } from '../errors.js';
import { tagsOf, tagValue } from '../resources.js';
import { attemptGuard, inProgress, nextLook } from '../waiting.js';
import { configTags, ensureConfig, ensureModel, listTags } from './create.js';
import { type Live, movesAtOnceOnly, PREVIOUS_TAG, updateRequest } from './requests.js';
import { describeEndpoint, type Standing, standingOf } from './standing.js';
import { updateOnce } from './update.js';

/** How often an endpoint that moves for somebody else is looked at, at most. */
const POLL = '60s';

/**
 * Model, endpoint config, then the endpoint. Every step is found again by name, so that a retry goes on where the last try was cut.
 *
 * An endpoint that carries another model's tag is refused. One without our tag, made by hand or by another tool, is taken over and
 * tagged, with a warning: the update is blue/green, and its old config is what a roll-back returns to. Where the candidate was judged
 * against what was live, and that is another by now, it is LiveChanged, and nothing was made.
 */
export async function startDeployment(sagemaker: SageMakerClient, input: DeployInput): Promise<DeploymentStarted> {
  const alive = attemptGuard();
  const { ref, definition } = input;
  const endpoint = definition.endpoint.name;
  const name = deploymentName(ref.model, ref.runTime);
  const standing = standingOf(await describeEndpoint(sagemaker, endpoint), name);
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
      await ensureModel(sagemaker, input);
      return started(await previousOf(sagemaker, standing, name));
    case 'absent': {
      refuseChanged(input, undefined);
      await ensureModel(sagemaker, input);
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
      refuseChanged(input, previous);
      const [tags, count] = await Promise.all([
        listTags(sagemaker, `endpoint ${endpoint}`, standing.live.EndpointArn),
        countBefore(sagemaker, input, standing.live),
        ensureModel(sagemaker, input).then(() => ensureConfig(sagemaker, input, previous)),
      ]);
      const live = { endpoint: standing.live, countBefore: count };
      const warnings = await claim(sagemaker, input, standing.live, tagValue(tags, TAGS.model));
      const request = updateRequest(input, live, name);
      await change(sagemaker, endpoint, name, 'UpdateEndpoint', () => updateOnce(sagemaker, request, alive));
      return started(previous, [...warnings, ...warningOf(definition, live)]);
    }
  }
}

/** Throws LiveChanged if the candidate was judged against another config than the endpoint's own; undefined is no endpoint. */
function refuseChanged({ definition: { endpoint }, judgedAgainst }: DeployInput, config: string | undefined): void {
  if (judgedAgainst === undefined || judgedAgainst === (config ?? null)) return;
  const words = (one: string | null | undefined) => one ?? 'nothing';
  throw fail(
    'LiveChanged',
    `Endpoint ${endpoint.name} served ${words(judgedAgainst)} when the candidate was judged, and serves ${words(config)} now: nothing was changed, it has to be judged against that first`,
  );
}

/** A release that can't be as careful as the definition wants. */
export function warningOf({ endpoint }: Definition, live: Live): string[] {
  if (!releaseOf(endpoint) || !movesAtOnceOnly(endpoint, live)) return [];
  const variants = (live.endpoint.ProductionVariants ?? []).map(({ VariantName }) => VariantName).join(', ');
  return [
    `endpoint ${endpoint.name} had the variants ${variants || 'none'}, not ${endpoint.variant}: SageMaker moves traffic between variants of other names at once, so this release has no ${endpoint.strategy === 'all-at-once' ? 'pause' : endpoint.strategy} and no alarms`,
  ];
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
export async function claim(
  sagemaker: SageMakerClient,
  { ref }: Pick<DeployInput, 'ref'>,
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
export async function countBefore(
  sagemaker: SageMakerClient,
  { definition: { endpoint } }: Pick<DeployInput, 'definition'>,
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
export async function change(
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
