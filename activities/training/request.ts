import type { Channel, CreateTrainingJobRequest, TrainingInstanceType } from '@aws-sdk/client-sagemaker';
import type { StartTrainingInput } from '../../contracts/activities.js';
import type { Definition } from '../../contracts/definition/index.js';
import { durationMs } from '../../contracts/duration.js';
import { imageUri } from '../../contracts/images.js';
import { takesVolumeKey } from '../../contracts/instances.js';
import { artifactPrefix, s3Uri, TAGS, trainingJobName } from '../../contracts/names.js';
import { fail } from '../errors.js';
import { networkOf, specHash, tagsOf } from '../resources.js';

export interface TrainingRequest {
  /** Complete, with its tags. */
  readonly request: CreateTrainingJobRequest;
  /** Value of the tag `perennial:spec`: the hash of the request without its tags. */
  readonly spec: string;
  readonly image: string;
  readonly instanceType: string;
  readonly warnings: readonly string[];
}

const seconds = (duration: string) => Math.round(durationMs(duration) / 1_000);

/**
 * The CreateTrainingJob request of a run's attempt. Pure: the same input gives the same request.
 * Fails with DefinitionInvalid for an algorithm without an image in the region or an attempt beyond the instance types, and with
 * InvalidRequest for an instance type that can't take the volume key the definition demands.
 */
export function trainingRequest(
  { ref, definition, attempt, channels }: StartTrainingInput,
  region: string,
): TrainingRequest {
  const { training, encryption, data } = definition;
  const instanceType = training.instances[attempt];
  if (instanceType === undefined) {
    throw fail(
      'DefinitionInvalid',
      `Model ${ref.model} has ${training.instances.length} instance types, so there is no attempt ${attempt + 1}: name more under training.instances`,
    );
  }
  const image = imageOf(definition, region);
  const volume = volumeKey(definition, instanceType);
  const outputKey = encryption.output ?? encryption.key;
  const request: CreateTrainingJobRequest = {
    TrainingJobName: trainingJobName(ref.model, ref.runTime, attempt + 1),
    RoleArn: definition.role,
    AlgorithmSpecification: {
      TrainingImage: image,
      TrainingInputMode: 'File',
      ...(training.metrics.length > 0 && {
        MetricDefinitions: training.metrics.map(({ name, regex }) => ({ Name: name, Regex: regex })),
      }),
    },
    HyperParameters: Object.fromEntries(
      Object.entries(training.hyperparameters).map(([key, value]) => [key, String(value)]),
    ),
    InputDataConfig: [...manifestChannels(definition, channels), ...fileSystemChannels(definition)],
    OutputDataConfig: {
      S3OutputPath: s3Uri(data.bucket, artifactPrefix(data.output)),
      ...(outputKey && { KmsKeyId: outputKey }),
    },
    ResourceConfig: {
      InstanceType: instanceType as TrainingInstanceType,
      InstanceCount: training.count,
      VolumeSizeInGB: training.volumeGiB,
      ...(volume.key && { VolumeKmsKeyId: volume.key }),
    },
    StoppingCondition: {
      MaxRuntimeInSeconds: seconds(training.maxRuntime),
      ...(training.spot && { MaxWaitTimeInSeconds: seconds(training.spot.maxWait) }),
    },
    ...(training.spot && { EnableManagedSpotTraining: true }),
    ...(Object.keys(training.environment).length > 0 && { Environment: { ...training.environment } }),
    ...networkOf(definition),
  };
  const spec = specHash(request);
  return {
    request: { ...request, Tags: tagsOf(ref, definition, { [TAGS.spec]: spec }) },
    spec,
    image,
    instanceType,
    warnings: volume.warnings,
  };
}

const manifestChannels = ({ data }: Definition, channels: StartTrainingInput['channels']): Channel[] =>
  channels.map(({ name, manifestUri }) => ({
    ChannelName: name,
    ContentType: data.contentType,
    DataSource: {
      S3DataSource: { S3DataType: 'ManifestFile', S3Uri: manifestUri, S3DataDistributionType: 'FullyReplicated' },
    },
  }));

/** SageMaker mounts them: training reads the folders as they are by then. */
const fileSystemChannels = ({ data }: Definition): Channel[] =>
  (data.fileSystems ?? []).map(({ channel, fileSystem, type, directory, access }) => ({
    ChannelName: channel,
    ContentType: data.contentType,
    DataSource: {
      FileSystemDataSource: {
        FileSystemId: fileSystem,
        FileSystemType: type,
        DirectoryPath: directory,
        FileSystemAccessMode: access,
      },
    },
  }));

function imageOf({ name, training }: Definition, region: string): string {
  if (training.image !== undefined) return training.image;
  if (training.algorithm === undefined) {
    throw fail('DefinitionInvalid', `Model ${name} names nothing to train: give training.algorithm or training.image`);
  }
  try {
    return imageUri(training.algorithm, region);
  } catch (cause) {
    if (cause instanceof RangeError) throw fail('DefinitionInvalid', `Model ${name}: ${cause.message}`, { cause });
    throw cause;
  }
}

/** Key of the training volume. Instance types with local NVMe refuse one, and a policy may demand it: never dropped in silence. */
function volumeKey({ name, encryption }: Definition, instanceType: string): { key?: string; warnings: string[] } {
  const key = encryption.volume ?? encryption.key;
  if (key === undefined || takesVolumeKey(instanceType)) return { key, warnings: [] };
  if (!encryption.allowInstanceWithoutVolumeKey) {
    throw fail(
      'InvalidRequest',
      `Model ${name}: ${instanceType} has local NVMe storage and takes no volume key. Set encryption.allowInstanceWithoutVolumeKey: true to rely on the storage's own encryption, or name another type under training.instances`,
    );
  }
  return {
    warnings: [`${instanceType} takes no volume key: its NVMe storage is encrypted in hardware, not with ${key}`],
  };
}
