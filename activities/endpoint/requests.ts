import type {
  CreateEndpointConfigInput,
  CreateModelInput,
  DescribeEndpointOutput,
  ProductionVariantInstanceType,
  UpdateEndpointInput,
} from '@aws-sdk/client-sagemaker';
import type { DeployInput } from '../../contracts/activities.js';
import { durationMs } from '../../contracts/duration.js';
import { deploymentName, TAGS } from '../../contracts/names.js';
import { networkOf, specHash, tagsOf } from '../resources.js';

/** On an endpoint config: the config that was live when it was made, so that a retry knows what to roll back to. */
export const PREVIOUS_TAG = 'perennial:previous';
/** On an endpoint config: the endpoint it was made for. */
export const ENDPOINT_TAG = 'perennial:endpoint';

export interface Made<Request> {
  readonly request: Request;
  /** Value of the tag `perennial:spec`. */
  readonly spec: string;
}

/** CreateModel of a run: the trained artefact with the image that trained it. */
export function modelRequest({ ref, definition, image, artifactUri }: DeployInput): Made<CreateModelInput> {
  const request: CreateModelInput = {
    ModelName: deploymentName(ref.model, ref.runTime),
    ExecutionRoleArn: definition.role,
    PrimaryContainer: { Image: image, ModelDataUrl: artifactUri },
    ...networkOf(definition),
  };
  const spec = specHash(request);
  return { spec, request: { ...request, Tags: tagsOf(ref, definition, { [TAGS.spec]: spec }) } };
}

/**
 * CreateEndpointConfig of a run: one variant. The key goes to every instance type: where storage is local NVMe, SageMaker encrypts that
 * in hardware and uses the key for the rest (API reference, CreateEndpointConfig.KmsKeyId).
 */
export function configRequest(
  { ref, definition }: DeployInput,
  previousConfig?: string,
): Made<CreateEndpointConfigInput> {
  const { endpoint, encryption } = definition;
  const name = deploymentName(ref.model, ref.runTime);
  const key = encryption.endpoint ?? encryption.key;
  const request: CreateEndpointConfigInput = {
    EndpointConfigName: name,
    ProductionVariants: [
      {
        VariantName: endpoint.variant,
        ModelName: name,
        InstanceType: endpoint.instanceType as ProductionVariantInstanceType,
        InitialInstanceCount: endpoint.count,
        InitialVariantWeight: 1,
        ContainerStartupHealthCheckTimeoutInSeconds: Math.round(durationMs(endpoint.startupTimeout) / 1_000),
      },
    ],
    ...(key && { KmsKeyId: key }),
  };
  const spec = specHash(request);
  const extra = {
    [TAGS.spec]: spec,
    [ENDPOINT_TAG]: endpoint.name,
    ...(previousConfig !== undefined && { [PREVIOUS_TAG]: previousConfig }),
  };
  return { spec, request: { ...request, Tags: tagsOf(ref, definition, extra) } };
}

/**
 * UpdateEndpoint from what is live to `config`. Weight, capture and the instance count that scaling arrived at are kept; only a count that
 * the definition changed is not. A variant that isn't live has nothing to keep, and SageMaker refuses to.
 */
export function updateRequest(
  { definition: { endpoint } }: Pick<DeployInput, 'definition'>,
  live: Pick<DescribeEndpointOutput, 'ProductionVariants'>,
  config: string,
  countBefore: number | undefined,
): UpdateEndpointInput {
  const request = { EndpointName: endpoint.name, EndpointConfigName: config };
  if (!live.ProductionVariants?.some(({ VariantName }) => VariantName === endpoint.variant)) return request;
  return {
    ...request,
    RetainAllVariantProperties: true,
    ...(countBefore !== undefined &&
      countBefore !== endpoint.count && {
        ExcludeRetainedVariantProperties: [{ VariantPropertyType: 'DesiredInstanceCount' }],
      }),
  };
}
