/** The resources of this folder as the store keeps them; what is unset is absent. */

/** EndpointStatus values that the local SageMaker reaches. */
export type EndpointStatus = 'Creating' | 'Updating' | 'RollingBack' | 'InService' | 'Deleting' | 'Failed';

/** Statuses in which SageMaker refuses UpdateEndpoint and DeleteEndpoint. */
export const IN_PROGRESS: ReadonlySet<EndpointStatus> = new Set(['Creating', 'Updating', 'RollingBack', 'Deleting']);

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

/** The part of DeploymentConfig that local mode carries out: all traffic at once. */
export interface DeploymentConfig {
  readonly BlueGreenUpdatePolicy?: {
    readonly TrafficRoutingConfiguration: { readonly Type: string; readonly WaitIntervalInSeconds: number };
    readonly TerminationWaitInSeconds?: number;
    readonly MaximumExecutionTimeoutInSeconds?: number;
  };
  readonly [field: string]: unknown;
}

/** An endpoint; times are epoch milliseconds. */
export interface EndpointRecord {
  readonly name: string;
  readonly arn: string;
  readonly status: EndpointStatus;
  readonly createdAt: number;
  readonly modifiedAt: number;
  readonly failureReason?: string;
  /** What takes the traffic; none until the first deployment is in service. */
  readonly current?: Deployment;
  /** What is being deployed, while Creating and Updating. */
  readonly pending?: Deployment;
  /** Config of an endpoint that Failed before anything was in service. */
  readonly failedConfigName?: string;
  /** Of the last finished update. */
  readonly deploymentConfig?: DeploymentConfig;
  readonly pendingDeploymentConfig?: DeploymentConfig;
}
