import {
  DeleteEndpointConfigCommand,
  DeleteModelCommand,
  DescribeEndpointConfigCommand,
  type DescribeEndpointOutput,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import pLimit from 'p-limit';
import type { Definition } from '../../contracts/definition/index.js';
import { TAGS } from '../../contracts/names.js';
import { isFailure, withFailures } from '../errors.js';
import { tagValue } from '../resources.js';
import { type Config, describeConfig, isDeploymentOf, listConfigs, listModels } from '../versions/configs.js';
import { listTags } from './create.js';
import { describeEndpoint } from './standing.js';

/** Configs described at the same time. */
const READERS = 8;

/**
 * Removes endpoint configs and models that runs of this model made and no endpoint of it uses, but for the newest `endpoint.keep` versions
 * and the one that was live before the live one: a roll-back goes there. Candidates bear a run's exact name and our tag. The config in
 * service, a pending one, and those that an endpoint of a former name still uses stay. A model stays as long as a config names it, its
 * own or one of a deploy by hand; one without a config, as a candidate under evaluation is, until `keep` versions are newer. An endpoint made by hand over our
 * configs can't be known: it goes on serving, as SageMaker needs neither for that.
 */
export async function cleanUp(sagemaker: SageMakerClient, model: string, definition: Definition): Promise<number> {
  const { name: endpoint, keep } = definition.endpoint;
  const [listed, models, live] = await Promise.all([
    listConfigs(sagemaker, model),
    listModels(sagemaker, model),
    describeEndpoint(sagemaker, endpoint),
  ]);
  const limit = pLimit(READERS);
  const described = await limit.map(listed, ({ name }) => describeConfig(sagemaker, name));
  // Those that another made under such a name, or that are gone already, are none of ours.
  const configs = described.filter((config): config is Config => config?.owner === model);
  const used = usedBy(live);
  const others = configs.filter(({ name }) => !used.has(name));
  const previous = configs.find(({ name }) => name === live?.EndpointConfigName)?.previous;
  const old = new Set(others.slice(keep).filter(({ name }) => name !== previous));
  const doomed = await filterAsync([...old], (config) => isUnused(sagemaker, config, endpoint));
  // Nothing is old before `keep` others are newer.
  const oldestKept = others[keep - 1]?.name;
  const stay = new Set([
    ...configs.filter((config) => !doomed.includes(config)).flatMap((config) => config.models),
    ...(await modelsServedByHand(sagemaker, model, used)),
  ]);
  const doomedModels = await filterAsync(models, async ({ name, arn }) => {
    if (stay.has(name) || oldestKept === undefined || name >= oldestKept) return false;
    return tagValue(await listTags(sagemaker, `model ${name}`, arn), TAGS.model) === model;
  });
  const removed = await Promise.all([
    ...doomed.map(({ name }) =>
      remove('DeleteEndpointConfig', `endpoint config ${name}`, () =>
        sagemaker.send(new DeleteEndpointConfigCommand({ EndpointConfigName: name })),
      ),
    ),
    ...doomedModels.map(({ name }) =>
      remove('DeleteModel', `model ${name}`, () => sagemaker.send(new DeleteModelCommand({ ModelName: name }))),
    ),
  ]);
  return removed.filter(Boolean).length;
}

/** Names of the configs that the endpoint is on, or on its way to. */
function usedBy(live: DescribeEndpointOutput | undefined): Set<string> {
  const configs = [live?.EndpointConfigName, live?.PendingDeploymentSummary?.EndpointConfigName];
  return new Set(configs.filter((name) => name !== undefined));
}

/** A config that no run made can name a model that one did. */
async function modelsServedByHand(
  sagemaker: SageMakerClient,
  model: string,
  used: ReadonlySet<string>,
): Promise<string[]> {
  const found = await Promise.all(
    [...used]
      .filter((name) => !isDeploymentOf(model, name))
      .map(async (name) => {
        try {
          const { ProductionVariants = [] } = await withFailures(
            { action: 'DescribeEndpointConfig', resource: `endpoint config ${name}` },
            () => sagemaker.send(new DescribeEndpointConfigCommand({ EndpointConfigName: name })),
          );
          return ProductionVariants.flatMap(({ ModelName }) => ModelName ?? []);
        } catch (error) {
          if (isFailure(error, 'ResourceMissing')) return [];
          throw error;
        }
      }),
  );
  return found.flat();
}

/** Whether no endpoint that a config was made for is on it; the model's present endpoint was looked at already. */
async function isUnused(sagemaker: SageMakerClient, config: Config, endpoint: string): Promise<boolean> {
  if (config.endpoint === undefined || config.endpoint === endpoint) return true;
  const other = await describeEndpoint(sagemaker, config.endpoint);
  return !usedBy(other).has(config.name);
}

/** Deletes; false if it was gone already. */
async function remove(action: string, resource: string, send: () => Promise<unknown>): Promise<boolean> {
  try {
    await withFailures({ action, resource }, send);
    return true;
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return false;
    throw error;
  }
}

async function filterAsync<T>(items: readonly T[], keep: (item: T) => Promise<boolean>): Promise<T[]> {
  const kept = await Promise.all(items.map(keep));
  return items.filter((_item, index) => kept[index]);
}
