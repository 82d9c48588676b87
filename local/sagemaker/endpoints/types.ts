import type { ControlRule } from '../context.js';

/** The resources of this folder as the store keeps them; what is unset is absent. */

/** Statuses in which SageMaker refuses UpdateEndpoint and DeleteEndpoint. */
const IN_PROGRESS: ReadonlySet<string> = new Set(['Creating', 'Updating', 'RollingBack', 'Deleting']);

/** Whether a change is under way, whatever the status that is shown. */
export function isInProgress({ status, pending }: Pick<EndpointRecord, 'status' | 'pending'>): boolean {
  return IN_PROGRESS.has(status) || pending !== undefined;
}

export interface ContainerDefinition {
  readonly Image: string;
  readonly ModelDataUrl?: string;
  readonly ModelDataSource?: { readonly S3DataSource?: { readonly S3Uri: string; readonly CompressionType: string } };
  readonly Environment?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** A model as DescribeModel answers it. */
export interface ModelRecord {
  readonly ModelName: string;
  readonly ModelArn: string;
  /** Epoch seconds. */
  readonly CreationTime: number;
  readonly PrimaryContainer?: ContainerDefinition;
  readonly Containers?: readonly ContainerDefinition[];
  readonly EnableNetworkIsolation: boolean;
  readonly [field: string]: unknown;
}

export interface ProductionVariant {
  readonly VariantName: string;
  readonly ModelName: string;
  readonly InstanceType: string;
  readonly InitialInstanceCount: number;
  readonly InitialVariantWeight: number;
  readonly ContainerStartupHealthCheckTimeoutInSeconds?: number;
  readonly [field: string]: unknown;
}

/** An endpoint configuration as DescribeEndpointConfig answers it. */
export interface EndpointConfigRecord {
  readonly EndpointConfigName: string;
  readonly EndpointConfigArn: string;
  /** Epoch seconds. */
  readonly CreationTime: number;
  readonly ProductionVariants: readonly ProductionVariant[];
  readonly KmsKeyId?: string;
  readonly [field: string]: unknown;
}

/** One production variant with all that is needed to run it, whatever happens to its model and config later. */
export interface DeployedVariant {
  readonly name: string;
  readonly image: string;
  readonly modelDataUrl?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly instanceType: string;
  readonly instanceCount: number;
  readonly weight: number;
  /** EnableNetworkIsolation of the model. */
  readonly isolated: boolean;
  /** How long its processes may take until the first answered /ping. */
  readonly startupTimeoutMs: number;
}

/** An endpoint config as it was when it was deployed: what one fleet runs. */
export interface Deployment {
  /** Unique in its endpoint; names the fleet's folder. */
  readonly id: string;
  readonly configName: string;
  readonly kmsKeyId?: string;
  readonly variants: readonly DeployedVariant[];
  readonly createdAt: number;
  /** No processes: a control rule completed it, and invocations get a fixed answer. */
  readonly canned?: true;
}

/** How much of a fleet one step turns on: a number of instances of each variant, or a percentage. */
export interface CapacitySize {
  readonly Type: 'INSTANCE_COUNT' | 'CAPACITY_PERCENT';
  readonly Value: number;
}

/** A request's DeploymentConfig, without rolling updates, which local mode refuses. */
export interface DeploymentConfig {
  readonly BlueGreenUpdatePolicy?: {
    readonly TrafficRoutingConfiguration: {
      readonly Type: 'ALL_AT_ONCE' | 'CANARY' | 'LINEAR';
      readonly WaitIntervalInSeconds: number;
      readonly CanarySize?: CapacitySize;
      readonly LinearStepSize?: CapacitySize;
    };
    readonly TerminationWaitInSeconds?: number;
    readonly MaximumExecutionTimeoutInSeconds?: number;
  };
  readonly AutoRollbackConfiguration?: { readonly Alarms?: readonly { readonly AlarmName: string }[] };
}

/** How far a gradual update has come; members of Describe's VariantStatus. */
export interface Progress {
  readonly phase: 'ActivatingTraffic' | 'Baking' | 'Deleting';
  /** Position among the steps, from 0. A restart begins this one again. */
  readonly step: number;
  /** Epoch milliseconds. */
  readonly since: number;
  readonly message: string;
}

/** An endpoint; times are epoch milliseconds. */
export interface EndpointRecord {
  readonly name: string;
  readonly arn: string;
  /** One of SageMaker's, but for a control rule that shows an unknown one. */
  readonly status: string;
  readonly createdAt: number;
  readonly modifiedAt: number;
  readonly failureReason?: string;
  /** What takes the traffic; none until the first deployment is in service. */
  readonly current?: Deployment;
  /** What is being deployed, while Creating and Updating. */
  readonly pending?: Deployment;
  /** What a control rule has in store for the pending deployment. */
  readonly pendingFault?: ControlRule;
  /** Config of an endpoint that Failed before anything was in service. */
  readonly failedConfigName?: string;
  /** Of the last finished update. */
  readonly deploymentConfig?: DeploymentConfig;
  readonly pendingDeploymentConfig?: DeploymentConfig;
  /** Of the pending deployment, once its fleet is healthy, if its traffic shifts gradually. */
  readonly progress?: Progress;
}
