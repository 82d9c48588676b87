import type {
  CapacitySize,
  CreateEndpointConfigInput,
  CreateModelInput,
  DeploymentConfig,
  DescribeEndpointOutput,
  ProductionVariantInstanceType,
  UpdateEndpointInput,
} from '@aws-sdk/client-sagemaker';
import type { DeployInput } from '../../contracts/activities.js';
import type { Definition } from '../../contracts/definition/index.js';
import { allowedPercent, percentOf, releaseOf, type Step } from '../../contracts/definition/release.js';
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

/** What an endpoint config is made of. `modelName`: of a model that another run made; the run's own without it. */
export type ConfigInput = Pick<DeployInput, 'ref' | 'definition'> & { readonly modelName?: string };

/**
 * CreateEndpointConfig of a run: one variant. The key goes to every instance type: where storage is local NVMe, SageMaker encrypts that
 * in hardware and uses the key for the rest (API reference, CreateEndpointConfig.KmsKeyId).
 */
export function configRequest(
  { ref, definition, modelName }: ConfigInput,
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
        ModelName: modelName ?? name,
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

/** What an update of an endpoint depends on besides the definition. */
export interface Live {
  readonly endpoint: Pick<DescribeEndpointOutput, 'ProductionVariants'>;
  /** Instance count that the live config asked for, where the live count isn't the definition's. */
  readonly countBefore?: number;
}

/**
 * UpdateEndpoint from what is live to `config`. Weight, capture and the instance count that scaling arrived at are kept; only a count that
 * the definition changed is not. A variant that isn't live has nothing to keep, and SageMaker refuses to. How traffic moves is no property
 * of a variant: it is said anew with each update, and goes with what is kept.
 */
export function updateRequest(
  { definition: { endpoint } }: Pick<DeployInput, 'definition'>,
  live: Live,
  config: string,
): UpdateEndpointInput {
  const request = { EndpointName: endpoint.name, EndpointConfigName: config };
  const variant = live.endpoint.ProductionVariants?.find(({ VariantName }) => VariantName === endpoint.variant);
  if (!variant) return request;
  const changed = live.countBefore !== undefined && live.countBefore !== endpoint.count;
  const count = changed ? endpoint.count : (variant.DesiredInstanceCount ?? endpoint.count);
  const DeploymentConfig = movesAtOnceOnly(endpoint, live) ? undefined : deploymentConfig(endpoint, count);
  return {
    ...request,
    RetainAllVariantProperties: true,
    ...(changed && { ExcludeRetainedVariantProperties: [{ VariantPropertyType: 'DesiredInstanceCount' }] }),
    ...(DeploymentConfig && { DeploymentConfig }),
  };
}

/** Whether the live variants are others than the definition's one: SageMaker takes a DeploymentConfig for variants of the same names only. */
export const movesAtOnceOnly = ({ variant }: Definition['endpoint'], { endpoint }: Live): boolean =>
  endpoint.ProductionVariants?.length !== 1 || endpoint.ProductionVariants[0]?.VariantName !== variant;

const TYPES = { 'all-at-once': 'ALL_AT_ONCE', canary: 'CANARY', linear: 'LINEAR' } as const;

/**
 * DeploymentConfig of a definition; undefined where it asks for none. `count` is how many instances the new fleet will have: where scaling
 * made that another number than the definition's, a step of so many instances becomes the same share in percent.
 */
function deploymentConfig(endpoint: Definition['endpoint'], count: number): DeploymentConfig | undefined {
  const release = releaseOf(endpoint);
  if (!release) return undefined;
  const { strategy, step, bake, terminationWait, limit, alarms } = release;
  return {
    BlueGreenUpdatePolicy: {
      TrafficRoutingConfiguration: {
        Type: TYPES[strategy],
        WaitIntervalInSeconds: bake,
        ...(strategy === 'canary' && { CanarySize: sizeOf(strategy, step, endpoint.count, count) }),
        ...(strategy === 'linear' && { LinearStepSize: sizeOf(strategy, step, endpoint.count, count) }),
      },
      TerminationWaitInSeconds: terminationWait,
      MaximumExecutionTimeoutInSeconds: limit,
    },
    ...(alarms.length > 0 && {
      AutoRollbackConfiguration: { Alarms: alarms.map((AlarmName) => ({ AlarmName })) },
    }),
  };
}

function sizeOf(
  strategy: 'canary' | 'linear',
  step: Step | undefined,
  definedCount: number,
  count: number,
): CapacitySize {
  // The schema refuses a gradual strategy without a step.
  if (!step) throw new RangeError(`endpoint.step is missing for strategy ${strategy}`);
  if ('instances' in step && count === definedCount) return { Type: 'INSTANCE_COUNT', Value: step.instances };
  return { Type: 'CAPACITY_PERCENT', Value: allowedPercent(strategy, percentOf(step, definedCount)) };
}
