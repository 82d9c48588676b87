import {
  DeleteEndpointConfigCommand,
  DeleteModelCommand,
  DescribeEndpointConfigCommand,
  type DescribeEndpointOutput,
  paginateListEndpointConfigs,
  paginateListModels,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { Definition } from '../../contracts/definition/index.js';
import { TAGS } from '../../contracts/names.js';
import { isFailure, withFailures } from '../errors.js';
import { tagValue } from '../resources.js';
import { listTags } from './create.js';
import { ENDPOINT_TAG } from './requests.js';
import { describeEndpoint } from './standing.js';

interface Resource {
  readonly name: string;
  readonly arn: string;
}

const PAGE = { MaxResults: 100, SortBy: 'CreationTime', SortOrder: 'Descending' } as const;

/**
 * Removes endpoint configs and models that runs of this model made and no endpoint of it uses, but for the newest `endpoint.keep`.
 * Candidates bear a run's exact name and our tag. The config in service, a pending one, and those that an endpoint of a former name still
 * uses stay; a model stays as long as its config does. An endpoint made by hand over our configs can't be known: it goes on serving, as
 * SageMaker needs neither for that.
 */
export async function cleanUp(sagemaker: SageMakerClient, model: string, definition: Definition): Promise<number> {
  const { name: endpoint, keep } = definition.endpoint;
  const [configs, models, live] = await Promise.all([
    listConfigs(sagemaker, model),
    listModels(sagemaker, model),
    describeEndpoint(sagemaker, endpoint),
  ]);
  const used = await modelsInUse(sagemaker, model, live);
  // Names end in the run's time: their order is that of the runs.
  const newest = [...new Set([...configs, ...models].map(({ name }) => name))].filter((name) => !used.has(name)).sort();
  const old = new Set(newest.slice(0, Math.max(0, newest.length - keep)));
  const doomedConfigs = await filterAsync(configs, async ({ name, arn }) => {
    if (!old.has(name)) return false;
    return isUnused(sagemaker, await listTags(sagemaker, `endpoint config ${name}`, arn), { model, endpoint, name });
  });
  const stay = new Set(configs.filter((config) => !doomedConfigs.includes(config)).map(({ name }) => name));
  const doomedModels = await filterAsync(models, async ({ name, arn }) => {
    if (!old.has(name) || stay.has(name)) return false;
    return tagValue(await listTags(sagemaker, `model ${name}`, arn), TAGS.model) === model;
  });
  const removed = await Promise.all([
    ...doomedConfigs.map(({ name }) =>
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

/** Whether a name is that of a deployment of this model: `<model>-20261121T090000123Z`. A model named `a` isn't asked about those of `a-b`. */
function isDeploymentOf(model: string, name: string): boolean {
  return name.startsWith(`${model}-`) && /^\d{8}T\d{6,9}Z$/.test(name.slice(model.length + 1));
}

async function listConfigs(client: SageMakerClient, model: string): Promise<Resource[]> {
  return withFailures({ action: 'ListEndpointConfigs', resource: `endpoint configs of ${model}` }, async () => {
    const found: Resource[] = [];
    for await (const page of paginateListEndpointConfigs({ client }, { ...PAGE, NameContains: `${model}-` })) {
      for (const { EndpointConfigName: name = '', EndpointConfigArn: arn = '' } of page.EndpointConfigs ?? []) {
        if (isDeploymentOf(model, name)) found.push({ name, arn });
      }
    }
    return found;
  });
}

async function listModels(client: SageMakerClient, model: string): Promise<Resource[]> {
  return withFailures({ action: 'ListModels', resource: `models of ${model}` }, async () => {
    const found: Resource[] = [];
    for await (const page of paginateListModels({ client }, { ...PAGE, NameContains: `${model}-` })) {
      for (const { ModelName: name = '', ModelArn: arn = '' } of page.Models ?? []) {
        if (isDeploymentOf(model, name)) found.push({ name, arn });
      }
    }
    return found;
  });
}

/** Deployment names that the endpoint uses. A config that no run made can name a model that one did. */
async function modelsInUse(
  sagemaker: SageMakerClient,
  model: string,
  live: DescribeEndpointOutput | undefined,
): Promise<Set<string>> {
  const configs = [live?.EndpointConfigName, live?.PendingDeploymentSummary?.EndpointConfigName];
  const used = new Set(configs.filter((name) => name !== undefined));
  const foreign = [...used].filter((name) => !isDeploymentOf(model, name));
  for (const name of foreign) {
    try {
      const { ProductionVariants } = await withFailures(
        { action: 'DescribeEndpointConfig', resource: `endpoint config ${name}` },
        () => sagemaker.send(new DescribeEndpointConfigCommand({ EndpointConfigName: name })),
      );
      for (const { ModelName } of ProductionVariants ?? []) if (ModelName) used.add(ModelName);
    } catch (error) {
      if (!isFailure(error, 'ResourceMissing')) throw error;
    }
  }
  return used;
}

/** Whether a config is ours and no endpoint it was made for is on it; the model's present endpoint was looked at already. */
async function isUnused(
  sagemaker: SageMakerClient,
  tags: Parameters<typeof tagValue>[0],
  { model, endpoint, name }: { model: string; endpoint: string; name: string },
): Promise<boolean> {
  if (tagValue(tags, TAGS.model) !== model) return false;
  const madeFor = tagValue(tags, ENDPOINT_TAG);
  if (madeFor === undefined || madeFor === endpoint) return true;
  const other = await describeEndpoint(sagemaker, madeFor);
  return other?.EndpointConfigName !== name && other?.PendingDeploymentSummary?.EndpointConfigName !== name;
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
