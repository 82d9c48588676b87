import { randomUUID } from 'node:crypto';
import type { Context } from '../context.js';
import { imageNotFound, modelDataUrl, servingContainer } from './containers.js';
import { getModel } from './models.js';
import type { DeployedVariant, Deployment, EndpointConfigRecord, ProductionVariant } from './types.js';

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
  if (ctx.images.find(container.Image) === undefined) throw imageNotFound(ctx, container.Image);
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
