import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { ApiError, type Context } from '../context.js';
import { parseS3 } from '../s3.js';
import { S3_PATTERN, type Fields } from '../validate.js';
import type { ContainerDefinition, ModelRecord } from './types.js';

/** Checks the shape of one container definition. */
export function checkContainer(container: Fields): void {
  container.string('Image', { required: true, max: 255, pattern: '[\\S]+' });
  container.string('ModelDataUrl', { max: 1024, pattern: S3_PATTERN });
  container.string('Mode', { values: ['SingleModel', 'MultiModel'] });
  container.map('Environment', {
    max: 100,
    key: { max: 1024, pattern: '[a-zA-Z_][a-zA-Z0-9_]*' },
    value: { max: 1024, pattern: '[\\S\\s]*' },
  });
  const source = container.structure('ModelDataSource')?.structure('S3DataSource', { required: true });
  source?.string('S3Uri', { required: true, max: 1024, pattern: S3_PATTERN });
  source?.string('S3DataType', { required: true, values: ['S3Prefix', 'S3Object'] });
  source?.string('CompressionType', { required: true, values: ['None', 'Gzip'] });
}

/** The container that serves a model: local mode runs models of one container. */
export function servingContainer(model: Pick<ModelRecord, 'PrimaryContainer' | 'Containers'>): ContainerDefinition {
  const container = model.PrimaryContainer ?? model.Containers?.[0];
  if (!container) throw new ApiError('ValidationException', 'Either PrimaryContainer or Containers must be provided.');
  return container;
}

/** S3 address of a container's model.tar.gz, however it is given; undefined for a model without data. */
export function modelDataUrl(container: ContainerDefinition): string | undefined {
  return container.ModelDataUrl ?? container.ModelDataSource?.S3DataSource?.S3Uri;
}

/** Refuses what the real service runs and local mode does not, so that nothing is silently ignored. */
export function refuseUnavailable(model: Pick<ModelRecord, 'PrimaryContainer' | 'Containers'>): void {
  if (model.PrimaryContainer && model.Containers) {
    throw new ApiError('ValidationException', 'Only one of PrimaryContainer and Containers can be provided.');
  }
  if ((model.Containers?.length ?? 0) > 1) throw unavailable('an inference pipeline (more than one of Containers)');
  const container = servingContainer(model);
  if (container['Mode'] === 'MultiModel') throw unavailable('a multi-model container (Mode MultiModel)');
  if (container['ModelPackageName'] !== undefined) throw unavailable('ModelPackageName');
  const source = container.ModelDataSource?.S3DataSource;
  if (source && source.CompressionType !== 'Gzip') {
    throw unavailable('uncompressed model data (ModelDataSource with CompressionType None)');
  }
}

/** What a request asks for is real but not part of local mode. */
export function unavailable(what: string): ApiError {
  return new ApiError('ValidationException', `${what} is not available in local mode yet.`);
}

/** No folder of programs is known for an image. */
export function imageNotFound(ctx: Context, image: string): ApiError {
  const known = Object.keys(ctx.config.images).join(', ') || 'none';
  return new ApiError('ValidationException', `Requested image ${image} not found. Local mode knows: ${known}.`);
}

/** Checks that the image and the model data exist, as CreateModel does. */
export async function checkReferences(ctx: Context, container: ContainerDefinition): Promise<void> {
  if (ctx.images.find(container.Image) === undefined) throw imageNotFound(ctx, container.Image);
  const url = modelDataUrl(container);
  if (url === undefined) return;
  if (!url.startsWith('s3://')) throw unavailable(`the model data address "${url}" (only s3://bucket/key)`);
  const { bucket, key } = parseS3(url);
  const missing = new ApiError('ValidationException', `Could not find model data at ${url}.`);
  if (key === '') throw missing;
  try {
    await ctx.s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
  } catch (error) {
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    throw status === 404 ? missing : error;
  }
}
