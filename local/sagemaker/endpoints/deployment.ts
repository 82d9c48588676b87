import { randomUUID } from 'node:crypto';
import type { Context } from '../context.js';
import type { Fields } from '../validate.js';
import { imageNotFound, modelDataUrl, servingContainer, unavailable } from './containers.js';
import { getModel } from './models.js';
import type {
  DeployedVariant,
  Deployment,
  DeploymentConfig,
  EndpointConfigRecord,
  ProductionVariant,
} from './types.js';

/** Start-up allowance of a container without ContainerStartupHealthCheckTimeoutInSeconds (AWS: 8 minutes). */
const STARTUP_TIMEOUT_SECONDS = 480;

/** Instance counts and weights of the variants in service that an update keeps (RetainAllVariantProperties). */
export interface Retained {
  readonly variants: readonly DeployedVariant[];
  readonly instanceCounts: boolean;
  readonly weights: boolean;
}

/**
 * Everything that a fleet of this config needs, looked up once. Throws ValidationException if a model, or the folder
 * of its image, is no longer there.
 */
export function resolveDeployment(ctx: Context, config: EndpointConfigRecord, retained?: Retained): Deployment {
  return {
    id: randomUUID(),
    configName: config.EndpointConfigName,
    ...(config.KmsKeyId === undefined ? {} : { kmsKeyId: config.KmsKeyId }),
    variants: config.ProductionVariants.map((variant) => resolveVariant(ctx, variant, retained)),
    createdAt: Date.now(),
  };
}

function resolveVariant(ctx: Context, variant: ProductionVariant, retained: Retained | undefined): DeployedVariant {
  const model = getModel(ctx, variant.ModelName);
  const container = servingContainer(model);
  if (ctx.imageDir(container.Image) === undefined) throw imageNotFound(ctx, container.Image);
  const before = retained?.variants.find((candidate) => candidate.name === variant.VariantName);
  const url = modelDataUrl(container);
  return {
    name: variant.VariantName,
    image: container.Image,
    ...(url === undefined ? {} : { modelDataUrl: url }),
    environment: container.Environment ?? {},
    instanceType: variant.InstanceType,
    instanceCount: (retained?.instanceCounts ? before?.instanceCount : undefined) ?? variant.InitialInstanceCount,
    weight: (retained?.weights ? before?.weight : undefined) ?? variant.InitialVariantWeight,
    isolated: model.EnableNetworkIsolation,
    startupTimeoutMs: (variant.ContainerStartupHealthCheckTimeoutInSeconds ?? STARTUP_TIMEOUT_SECONDS) * 1000,
  };
}

/** Checks the shape of a request's DeploymentConfig into `fields`. */
export function checkDeploymentConfig(fields: Fields): void {
  const config = fields.structure('DeploymentConfig');
  const policy = config?.structure('BlueGreenUpdatePolicy');
  const routing = policy?.structure('TrafficRoutingConfiguration', { required: true });
  routing?.string('Type', { required: true, values: ['ALL_AT_ONCE', 'CANARY', 'LINEAR'] });
  routing?.integer('WaitIntervalInSeconds', { required: true, min: 0, max: 3600 });
  policy?.integer('TerminationWaitInSeconds', { min: 0, max: 3600 });
  policy?.integer('MaximumExecutionTimeoutInSeconds', { min: 600, max: 28_800 });
}

/** A request's DeploymentConfig, once its shape is right. What local mode can't carry out is refused. */
export function readDeploymentConfig(input: Record<string, unknown>): DeploymentConfig | undefined {
  const config = input['DeploymentConfig'] as DeploymentConfig | null | undefined;
  if (!config) return undefined;
  if (config['RollingUpdatePolicy'] != null) throw unavailable('DeploymentConfig with RollingUpdatePolicy');
  const rollback = config['AutoRollbackConfiguration'] as { Alarms?: unknown[] } | null | undefined;
  if (rollback?.Alarms?.length) throw unavailable('AutoRollbackConfiguration with alarms');
  const type = config.BlueGreenUpdatePolicy?.TrafficRoutingConfiguration.Type;
  if (type !== undefined && type !== 'ALL_AT_ONCE') throw unavailable(`Traffic routing of type ${type}`);
  return config;
}
