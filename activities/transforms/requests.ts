import type { CreateTransformJobRequest, TransformInstanceType } from '@aws-sdk/client-sagemaker';
import type { RunRef } from '../../contracts/activities.js';
import { dateIn } from '../../contracts/calendar.js';
import type { Definition } from '../../contracts/definition/index.js';
import { takesVolumeKey } from '../../contracts/instances.js';
import { TAGS } from '../../contracts/names.js';
import { batchJobName, transformFolder, type Transform } from '../../contracts/transforms.js';
import { fail } from '../errors.js';
import { specHash, tagsOf } from '../resources.js';

const DAY_MS = 86_400_000;

export interface TransformRequest {
  /** Complete, with its tags. */
  readonly request: CreateTransformJobRequest;
  /** Value of the tag `perennial:spec`: the hash of the request without its tags. */
  readonly spec: string;
  readonly inputUri: string;
  readonly outputUri: string;
  readonly warnings: readonly string[];
}

/**
 * The CreateTransformJob request of a transform's run. Pure: the same input gives the same request. Fails with InvalidRequest for an
 * instance type that can't take the volume key the definition demands.
 */
export function transformRequest(
  ref: RunRef,
  definition: Definition,
  transform: Transform,
  modelName: string,
): TransformRequest {
  const { encryption } = definition;
  const { split, strategy, maxPayloadMB, maxConcurrent, compression } = transform;
  const inputUri = inputOf(transform, ref.runTime);
  const outputUri = `${transform.output.replace(/\/+$/, '')}/${transformFolder(ref.runTime)}/`;
  const volume = volumeKeyOf(definition, transform.instanceType, `transforms, ${transform.name}, instanceType`);
  const outputKey = encryption.output ?? encryption.key;
  const accept = transform.accept ?? (answersLikeRows(transform) ? transform.contentType : undefined);
  const request: CreateTransformJobRequest = {
    TransformJobName: batchJobName({ definition, transform }, ref.runTime),
    ModelName: modelName,
    TransformInput: {
      DataSource: { S3DataSource: { S3DataType: transform.manifest ? 'ManifestFile' : 'S3Prefix', S3Uri: inputUri } },
      ContentType: transform.contentType,
      CompressionType: compression === 'gzip' ? 'Gzip' : 'None',
      SplitType: split === 'line' ? 'Line' : 'None',
    },
    TransformOutput: {
      S3OutputPath: outputUri,
      AssembleWith: split === 'line' ? 'Line' : 'None',
      ...(accept && { Accept: accept }),
      ...(outputKey && { KmsKeyId: outputKey }),
    },
    TransformResources: {
      InstanceType: transform.instanceType as TransformInstanceType,
      InstanceCount: transform.count,
      // Unlike that of a training job, this key may be an alias (API reference, TransformResources.VolumeKmsKeyId).
      ...(volume.key && { VolumeKmsKeyId: volume.key }),
    },
    // A strategy goes only with records that are split (API reference, BatchStrategy).
    ...(split === 'line' && { BatchStrategy: strategy === 'single' ? 'SingleRecord' : 'MultiRecord' }),
    ...(maxPayloadMB !== undefined && { MaxPayloadInMB: maxPayloadMB }),
    ...(maxConcurrent !== undefined && { MaxConcurrentTransforms: maxConcurrent }),
    ...processingOf(transform),
  };
  const spec = specHash(request);
  return {
    request: { ...request, Tags: tagsOf(ref, definition, { [TAGS.spec]: spec }) },
    spec,
    inputUri,
    outputUri,
    warnings: volume.warnings,
  };
}

/** Joined and filtered answers are of the type of the rows: SageMaker refuses others. */
const answersLikeRows = ({ join, outputFilter }: Transform) => join === 'input' || outputFilter !== undefined;

function processingOf(transform: Transform): Pick<CreateTransformJobRequest, 'DataProcessing'> {
  const inputFilter = transform.label === 'first' ? '$[1:]' : transform.inputFilter;
  if (inputFilter === undefined && !answersLikeRows(transform)) return {};
  return {
    DataProcessing: {
      JoinSource: transform.join === 'input' ? 'Input' : 'None',
      ...(inputFilter && { InputFilter: inputFilter }),
      ...(transform.outputFilter && { OutputFilter: transform.outputFilter }),
    },
  };
}

/** The input of a run at a time: its day on the calendar of the schedule's time zone, or of UTC, and as many days back as it says. */
function inputOf({ input, daysBack, schedule }: Transform, time: string): string {
  const today = dateIn(schedule?.timeZone ?? 'UTC', time);
  const date = new Date(Date.parse(today) - daysBack * DAY_MS).toISOString().slice(0, 10);
  const [year = '', month = '', day = ''] = date.split('-');
  return input
    .replaceAll('{date}', date)
    .replaceAll('{year}', year)
    .replaceAll('{month}', month)
    .replaceAll('{day}', day);
}

/**
 * Key of the volume of a transform job. Instance types with local NVMe refuse one, and a policy may demand it: never dropped in silence.
 * @param where the key of the definition that names the instance type
 */
export function volumeKeyOf(
  { name, encryption }: Definition,
  instanceType: string,
  where: string,
): { key?: string; warnings: string[] } {
  const key = encryption.volume ?? encryption.key;
  if (key === undefined || takesVolumeKey(instanceType)) return { key, warnings: [] };
  if (!encryption.allowInstanceWithoutVolumeKey) {
    throw fail(
      'InvalidRequest',
      `Model ${name}: ${instanceType} has local NVMe storage and takes no volume key. Set encryption.allowInstanceWithoutVolumeKey: true to rely on the storage's own encryption, or name another type under ${where}`,
    );
  }
  return {
    warnings: [`${instanceType} takes no volume key: its NVMe storage is encrypted in hardware, not with ${key}`],
  };
}
