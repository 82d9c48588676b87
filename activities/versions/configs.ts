import {
  DescribeEndpointConfigCommand,
  DescribeModelCommand,
  paginateListEndpointConfigs,
  paginateListModels,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import { TAGS } from '../../contracts/names.js';
import { listTags } from '../endpoint/create.js';
import { ENDPOINT_TAG, PREVIOUS_TAG } from '../endpoint/requests.js';
import { isFailure, missingAsUndefined, withFailures } from '../errors.js';
import { tagValue } from '../resources.js';

export interface Listed {
  readonly name: string;
  readonly arn: string;
}

const PAGE = { MaxResults: 100, SortBy: 'CreationTime', SortOrder: 'Descending' } as const;

/** Whether a name is that of a deployment of this model: `<model>-20261121T090000123Z`. A model named `a` isn't asked about those of `a-b`. */
export function isDeploymentOf(model: string, name: string): boolean {
  return name.startsWith(`${model}-`) && /^\d{8}T\d{6,9}Z$/.test(name.slice(model.length + 1));
}

/** Names end in the time of what made them: the newest comes first. */
const newestFirst = (found: Listed[]) => found.sort((a, b) => (a.name < b.name ? 1 : -1));

/** Endpoint configs that bear the name of a deployment of this model, newest first. */
export async function listConfigs(client: SageMakerClient, model: string): Promise<Listed[]> {
  return withFailures({ action: 'ListEndpointConfigs', resource: `endpoint configs of ${model}` }, async () => {
    const found: Listed[] = [];
    for await (const page of paginateListEndpointConfigs({ client }, { ...PAGE, NameContains: `${model}-` })) {
      for (const { EndpointConfigName: name = '', EndpointConfigArn: arn = '' } of page.EndpointConfigs ?? []) {
        if (isDeploymentOf(model, name)) found.push({ name, arn });
      }
    }
    return newestFirst(found);
  });
}

/** SageMaker models that bear the name of a deployment of this model, newest first. */
export async function listModels(client: SageMakerClient, model: string): Promise<Listed[]> {
  return withFailures({ action: 'ListModels', resource: `models of ${model}` }, async () => {
    const found: Listed[] = [];
    for await (const page of paginateListModels({ client }, { ...PAGE, NameContains: `${model}-` })) {
      for (const { ModelName: name = '', ModelArn: arn = '' } of page.Models ?? []) {
        if (isDeploymentOf(model, name)) found.push({ name, arn });
      }
    }
    return newestFirst(found);
  });
}

/** An endpoint config with what its tags say. */
export interface Config {
  readonly name: string;
  /** SageMaker models that it names. */
  readonly models: readonly string[];
  readonly instanceType?: string;
  readonly count?: number;
  readonly variant?: string;
  /** Model of ours that it belongs to; absent for one that no run made. */
  readonly owner?: string;
  /** Workflow id. */
  readonly madeBy?: string;
  readonly spec?: string;
  readonly previous?: string;
  /** Endpoint that it was made for. */
  readonly endpoint?: string;
}

/** DescribeEndpointConfig and its tags; undefined if there is none. */
export async function describeConfig(client: SageMakerClient, name: string): Promise<Config | undefined> {
  const resource = `endpoint config ${name}`;
  try {
    const { ProductionVariants = [], EndpointConfigArn } = await withFailures(
      { action: 'DescribeEndpointConfig', resource },
      () => client.send(new DescribeEndpointConfigCommand({ EndpointConfigName: name })),
    );
    const tags = await listTags(client, resource, EndpointConfigArn);
    const [variant] = ProductionVariants;
    return {
      name,
      models: ProductionVariants.flatMap(({ ModelName }) => ModelName ?? []),
      instanceType: variant?.InstanceType,
      count: variant?.InitialInstanceCount,
      variant: variant?.VariantName,
      owner: tagValue(tags, TAGS.model),
      madeBy: tagValue(tags, TAGS.run),
      spec: tagValue(tags, TAGS.spec),
      previous: tagValue(tags, PREVIOUS_TAG),
      endpoint: tagValue(tags, ENDPOINT_TAG),
    };
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return undefined;
    throw error;
  }
}

/** Whether a SageMaker model is there. */
export async function hasModel(client: SageMakerClient, name: string): Promise<boolean> {
  const model = await missingAsUndefined(() =>
    withFailures({ action: 'DescribeModel', resource: `model ${name}` }, () =>
      client.send(new DescribeModelCommand({ ModelName: name })),
    ),
  );
  return model !== undefined;
}
