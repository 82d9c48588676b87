import {
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DescribeEndpointConfigCommand,
  DescribeModelCommand,
  ListTagsCommand,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { DeployInput } from '../../contracts/activities.js';
import { TAGS } from '../../contracts/names.js';
import { fail, isFailure, withFailures } from '../errors.js';
import { type Tag, tagValue } from '../resources.js';
import { type ConfigInput, configRequest, modelRequest } from './requests.js';

/** Tags of a resource by its ARN. */
export async function listTags(sagemaker: SageMakerClient, resource: string, arn: string | undefined): Promise<Tag[]> {
  const { Tags } = await withFailures({ action: 'ListTags', resource }, () =>
    sagemaker.send(new ListTagsCommand({ ResourceArn: arn })),
  );
  return (Tags ?? []) as Tag[];
}

/** Tags of an endpoint config; undefined if there is no such config. */
export async function configTags(sagemaker: SageMakerClient, config: string): Promise<Tag[] | undefined> {
  const resource = `endpoint config ${config}`;
  try {
    const { EndpointConfigArn } = await withFailures({ action: 'DescribeEndpointConfig', resource }, () =>
      sagemaker.send(new DescribeEndpointConfigCommand({ EndpointConfigName: config })),
    );
    return await listTags(sagemaker, resource, EndpointConfigArn);
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return undefined;
    throw error;
  }
}

/** The run's SageMaker model; one of that name with the same spec is the run's own. */
export async function ensureModel(sagemaker: SageMakerClient, input: DeployInput): Promise<string> {
  const { request, spec } = modelRequest(input);
  const name = request.ModelName as string;
  const resource = `model ${name}`;
  await createOnce(
    resource,
    spec,
    () => withFailures({ action: 'CreateModel', resource }, () => sagemaker.send(new CreateModelCommand(request))),
    async () => {
      const { ModelArn } = await withFailures({ action: 'DescribeModel', resource }, () =>
        sagemaker.send(new DescribeModelCommand({ ModelName: name })),
      );
      return listTags(sagemaker, resource, ModelArn);
    },
  );
  return name;
}

/** The run's endpoint config; one of that name with the same spec is the run's own. */
export async function ensureConfig(
  sagemaker: SageMakerClient,
  input: ConfigInput,
  previousConfig: string | undefined,
): Promise<string> {
  const { request, spec } = configRequest(input, previousConfig);
  const name = request.EndpointConfigName as string;
  const resource = `endpoint config ${name}`;
  await createOnce(
    resource,
    spec,
    () =>
      withFailures({ action: 'CreateEndpointConfig', resource }, () =>
        sagemaker.send(new CreateEndpointConfigCommand(request)),
      ),
    () => configTags(sagemaker, name),
  );
  return name;
}

async function createOnce(
  resource: string,
  spec: string,
  create: () => Promise<unknown>,
  tags: () => Promise<Tag[] | undefined>,
): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!isFailure(error, 'NameConflict')) throw error;
    if (tagValue(await tags(), TAGS.spec) === spec) return;
    throw fail(
      'NameConflict',
      `The ${resource} exists and was not made by this run (its tag ${TAGS.spec} differs): delete it, or start a new run`,
      { cause: error },
    );
  }
}
