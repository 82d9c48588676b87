import { DescribeEndpointConfigCommand, paginateListEndpoints, type SageMakerClient } from '@aws-sdk/client-sagemaker';
import pLimit from 'p-limit';
import { parseDeploymentName } from '../../contracts/names.js';
import { describeEndpoint } from '../endpoint/standing.js';
import { isFailure, withFailures } from '../errors.js';

/** Endpoints described at the same time. */
const READERS = 8;

/** What an account's endpoints use. */
export interface Usage {
  /** Endpoint by the config that it is on, or on its way to or back from. */
  readonly configs: ReadonlyMap<string, string>;
  /** Models that configs made by hand serve on an endpoint. */
  readonly models: ReadonlySet<string>;
}

/** Looks at every endpoint of the account, whoever made it: one may be on a config of ours. */
export async function usageOf(client: SageMakerClient): Promise<Usage> {
  const names = await withFailures({ action: 'ListEndpoints', resource: 'endpoints' }, async () => {
    const found: string[] = [];
    for await (const page of paginateListEndpoints({ client, pageSize: 100 }, {})) {
      for (const { EndpointName: name } of page.Endpoints ?? []) if (name) found.push(name);
    }
    return found;
  });
  const limit = pLimit(READERS);
  const configs = new Map<string, string>();
  for (const live of await limit.map(names, (name) => describeEndpoint(client, name))) {
    for (const config of [live?.EndpointConfigName, live?.PendingDeploymentSummary?.EndpointConfigName]) {
      if (config !== undefined && live?.EndpointName) configs.set(config, live.EndpointName);
    }
  }
  const byHand = [...configs.keys()].filter((config) => !parseDeploymentName(config));
  const models = (await limit.map(byHand, (config) => modelsIn(client, config))).flat();
  return { configs, models: new Set(models) };
}

async function modelsIn(client: SageMakerClient, config: string): Promise<string[]> {
  try {
    const { ProductionVariants = [], ShadowProductionVariants = [] } = await withFailures(
      { action: 'DescribeEndpointConfig', resource: `endpoint config ${config}` },
      () => client.send(new DescribeEndpointConfigCommand({ EndpointConfigName: config })),
    );
    return [...ProductionVariants, ...ShadowProductionVariants].flatMap(({ ModelName }) => ModelName ?? []);
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return [];
    throw error;
  }
}
