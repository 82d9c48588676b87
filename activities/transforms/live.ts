import type { S3Client } from '@aws-sdk/client-s3';
import {
  DescribeEndpointConfigCommand,
  DescribeModelCommand,
  type DescribeEndpointOutput,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { Definition } from '../../contracts/definition/index.js';
import { deployedKey, deploymentName, TAGS } from '../../contracts/names.js';
import type { DeployedPointer } from '../../contracts/records.js';
import type { LiveModel } from '../../contracts/transforms.js';
import { listTags } from '../endpoint/create.js';
import { describeEndpoint, unknownEndpointStatus } from '../endpoint/standing.js';
import { fail, isFailure, withFailures } from '../errors.js';
import { tagValue } from '../resources.js';
import { readRecord } from '../s3/records.js';

interface Deps {
  readonly s3: S3Client;
  readonly sagemaker: SageMakerClient;
}

/** The model that users meet now: that of the endpoint, or where none serves, that of the last deployed run. */
export async function findLiveModel({ s3, sagemaker }: Deps, definition: Definition): Promise<LiveModel> {
  const { endpoint } = definition;
  const standing = await describeEndpoint(sagemaker, endpoint.name);
  if (standing && serves(standing)) {
    const modelName = await modelOfConfig(sagemaker, definition, standing.EndpointConfigName ?? '');
    const run = await runOf(sagemaker, modelName);
    // SageMaker lets a model be deleted that an endpoint serves from.
    if (run === undefined) throw gone(modelName, `endpoint ${endpoint.name} serves it, but it was deleted since`);
    return { modelName, ...run, because: `live on endpoint ${endpoint.name}` };
  }
  const state = standing ? `is ${standing.EndpointStatus}` : 'is not there';
  return lastDeployed({ s3, sagemaker }, definition, `endpoint ${endpoint.name} ${state}`);
}

/** Whether the endpoint's config is what it serves. One that is being made, or that failed, has proven nothing. */
function serves(endpoint: DescribeEndpointOutput): boolean {
  switch (endpoint.EndpointStatus) {
    case 'InService':
    case 'Updating':
    case 'SystemUpdating':
    case 'RollingBack':
      return true;
    case 'Creating':
    case 'Deleting':
    case 'Failed':
    case 'OutOfService':
    case 'UpdateRollbackFailed':
      return false;
    default:
      throw unknownEndpointStatus(endpoint);
  }
}

async function modelOfConfig(sagemaker: SageMakerClient, definition: Definition, config: string): Promise<string> {
  const { ProductionVariants: variants = [] } = await withFailures(
    { action: 'DescribeEndpointConfig', resource: `endpoint config ${config}` },
    () => sagemaker.send(new DescribeEndpointConfigCommand({ EndpointConfigName: config })),
  );
  const { variant, name } = definition.endpoint;
  const meant =
    variants.find(({ VariantName }) => VariantName === variant) ?? (variants.length === 1 ? variants[0] : undefined);
  if (meant?.ModelName) return meant.ModelName;
  throw fail(
    'InvalidRequest',
    `Endpoint ${name} serves with config ${config}, which names no one model (variants: ${variants.map(({ VariantName }) => VariantName).join(', ') || 'none'}): set endpoint.variant to the variant whose model is meant`,
  );
}

async function lastDeployed({ s3, sagemaker }: Deps, definition: Definition, why: string): Promise<LiveModel> {
  const { data, name } = definition;
  const pointer = await readRecord<DeployedPointer>(s3, data.bucket, deployedKey(data.output));
  if (!pointer)
    throw fail(
      'ResourceMissing',
      `Model ${name} has nothing to transform with: ${why}, and no run was deployed yet. Deploy one first: perennial run ${name}`,
    );
  const { run, runTime } = pointer.record;
  const modelName = deploymentName(name, runTime);
  if ((await runOf(sagemaker, modelName)) === undefined)
    throw gone(modelName, `${why}, and the model of the last deployed run, ${run}, was deleted`);
  return { modelName, run, because: `of the last deployed run, as ${why}` };
}

const gone = (modelName: string, why: string) =>
  fail(
    'ResourceMissing',
    `SageMaker model ${modelName} is gone: ${why}. Deploy a new one: perennial run <model> --force`,
  );

/** The run that a model's tag names, if it has one; undefined if there is no such model. */
async function runOf(sagemaker: SageMakerClient, modelName: string): Promise<{ run?: string } | undefined> {
  const resource = `model ${modelName}`;
  try {
    const { ModelArn } = await withFailures({ action: 'DescribeModel', resource }, () =>
      sagemaker.send(new DescribeModelCommand({ ModelName: modelName })),
    );
    const run = tagValue(await listTags(sagemaker, resource, ModelArn), TAGS.run);
    return run === undefined ? {} : { run };
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return undefined;
    throw error;
  }
}
