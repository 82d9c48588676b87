import { ProductionVariantInstanceType } from '@aws-sdk/client-sagemaker';
import { ApiError } from '../context.js';
import type { Fields } from '../validate.js';
import { NAME_PATTERN } from '../validate.js';
import { unavailable } from './containers.js';
import type { ProductionVariant } from './types.js';

const INSTANCE_TYPES: readonly string[] = Object.values(ProductionVariantInstanceType);

/** Families whose volumes are local NVMe: SageMaker refuses a KMS key for them (AWS; see CreateEndpointConfig). */
const LOCAL_STORAGE = /^ml\.([a-z]+\d+[a-z]*d[a-z]*|g[56][a-z]*|p4de|p5[a-z]*|trn\d[a-z]*)\./;

/** Checks the shape of the ProductionVariants of a request. */
export function checkVariants(fields: Fields): void {
  for (const variant of fields.structures('ProductionVariants', { required: true, min: 1, max: 10 })) {
    variant.string('VariantName', { required: true, max: 63, pattern: NAME_PATTERN });
    variant.string('ModelName', { required: true, max: 63, pattern: NAME_PATTERN });
    if (!variant.structure('ServerlessConfig')) {
      variant.string('InstanceType', { required: true, values: INSTANCE_TYPES });
      variant.integer('InitialInstanceCount', { required: true, min: 1 });
    }
    variant.integer('VolumeSizeInGB', { min: 1, max: 512 });
    variant.integer('ModelDataDownloadTimeoutInSeconds', { min: 60, max: 3600 });
    variant.integer('ContainerStartupHealthCheckTimeoutInSeconds', { min: 60, max: 3600 });
  }
}

/**
 * The variants of a request whose shape is right, the weight filled in. Throws ValidationException for what no shape
 * can say: two of one name, a weight that isn't one, a KMS key on instances with local storage, what local mode lacks.
 */
export function readVariants(
  variants: readonly ProductionVariant[],
  kmsKeyId: string | undefined,
): ProductionVariant[] {
  const names = new Set<string>();
  return variants.map((variant, index) => {
    const { VariantName: name, InstanceType: type, InitialVariantWeight: weight = 1 } = variant;
    if (names.has(name)) {
      throw new ApiError('ValidationException', `Duplicate variant name "${name}": variant names must be unique.`);
    }
    names.add(name);
    for (const member of ['ServerlessConfig', 'ManagedInstanceScaling', 'InstancePools', 'CapacityReservationConfig']) {
      if (variant[member] !== undefined) throw unavailable(`${member} of variant "${name}"`);
    }
    if (typeof weight !== 'number' || !(weight >= 0)) {
      throw new ApiError(
        'ValidationException',
        `1 validation error detected: Value '${String(weight)}' at 'productionVariants.${index + 1}.member.initialVariantWeight' failed to satisfy constraint: Member must have value greater than or equal to 0`,
      );
    }
    if (kmsKeyId !== undefined && LOCAL_STORAGE.test(type)) {
      throw new ApiError(
        'ValidationException',
        `Instance type ${type} of variant "${name}" has local storage, which is encrypted by its hardware: KmsKeyId is not supported for it. Leave KmsKeyId out or take another instance type.`,
      );
    }
    return { ...variant, InitialVariantWeight: weight };
  });
}
