import { parseS3 } from '../s3.js';
import { readTags, type Tag } from '../tags.js';
import { Fields, KMS_PATTERN, NAME_PATTERN, refuse, ROLE_PATTERN, S3_PATTERN } from '../validate.js';
import { checkChannel, checkChannels } from './channels.js';
import { TRAINING_INSTANCE_TYPES, hasLocalStorage } from './instances.js';
import { hasOwnMetrics } from './metrics.js';
import type { TrainingRequest } from './types.js';

/** AWS: one day unless said otherwise, 28 at most. */
const DEFAULT_MAX_RUNTIME_S = 86_400;
const LONGEST_RUNTIME_S = 2_419_200;
const CHECKPOINTS = '/opt/ml/checkpoints';

/** Checks a CreateTrainingJob request the way AWS does; throws ValidationException. Defaults are filled in. */
export function readTrainingRequest(input: Record<string, unknown>): { request: TrainingRequest; tags: Tag[] } {
  const fields = new Fields(input);
  fields.string('TrainingJobName', { required: true, min: 1, max: 63, pattern: NAME_PATTERN });
  fields.map('HyperParameters', { max: 100, key: { max: 256 }, value: { max: 2500 } });
  checkAlgorithm(fields);
  fields.string('RoleArn', { required: true, min: 20, max: 2048, pattern: ROLE_PATTERN });
  for (const channel of fields.structures('InputDataConfig', { min: 1, max: 20 })) checkChannel(channel);
  checkOutput(fields);
  checkResources(fields);
  const stopping = fields.structure('StoppingCondition');
  stopping?.integer('MaxRuntimeInSeconds', { min: 1, max: LONGEST_RUNTIME_S });
  stopping?.integer('MaxWaitTimeInSeconds', { min: 1 });
  fields.map('Environment', {
    max: 100,
    key: { max: 512, pattern: '[a-zA-Z_][a-zA-Z0-9_]*' },
    value: { max: 512 },
  });
  const vpc = fields.structure('VpcConfig');
  vpc?.strings('SecurityGroupIds', { required: true, min: 1, max: 5 }, { max: 32, pattern: '[-0-9a-zA-Z]+' });
  vpc?.strings('Subnets', { required: true, min: 1, max: 16 }, { max: 32, pattern: '[-0-9a-zA-Z]+' });
  for (const flag of FLAGS) fields.boolean(flag);
  const tags = readTags(input, fields);
  fields.done();

  const { Tags: _, ...rest } = input;
  const request = withDefaults(rest as unknown as TrainingRequest);
  checkMeaning(request);
  return { request, tags };
}

const FLAGS = ['EnableNetworkIsolation', 'EnableInterContainerTrafficEncryption', 'EnableManagedSpotTraining'] as const;

function checkAlgorithm(fields: Fields): void {
  const algorithm = fields.structure('AlgorithmSpecification', { required: true });
  algorithm?.string('TrainingImage', { max: 255 });
  algorithm?.string('AlgorithmName', { min: 1, max: 170 });
  algorithm?.string('TrainingInputMode', { required: true, values: ['Pipe', 'File', 'FastFile'] });
  for (const metric of algorithm?.structures('MetricDefinitions', { max: 40 }) ?? []) {
    metric.string('Name', { required: true, min: 1, max: 255 });
    metric.string('Regex', { required: true, min: 1, max: 500 });
  }
}

function checkOutput(fields: Fields): void {
  const output = fields.structure('OutputDataConfig', { required: true });
  output?.string('S3OutputPath', { required: true, max: 1024, pattern: S3_PATTERN });
  output?.string('KmsKeyId', { max: 2048, pattern: KMS_PATTERN });
  output?.string('CompressionType', { values: ['GZIP', 'NONE'] });
  const checkpoints = fields.structure('CheckpointConfig');
  checkpoints?.string('S3Uri', { required: true, max: 1024, pattern: S3_PATTERN });
  checkpoints?.string('LocalPath', { max: 4096 });
}

function checkResources(fields: Fields): void {
  const resources = fields.structure('ResourceConfig', { required: true });
  resources?.string('InstanceType', { required: true, values: TRAINING_INSTANCE_TYPES });
  resources?.integer('InstanceCount', { required: true, min: 1 });
  resources?.integer('VolumeSizeInGB', { min: 0 });
  resources?.integer('KeepAlivePeriodInSeconds', { min: 0, max: 21_600 });
  resources?.string('VolumeKmsKeyId', { max: 2048, pattern: KMS_PATTERN });
}

/** What AWS fills in, and Describe then shows. */
function withDefaults(request: TrainingRequest): TrainingRequest {
  const runtime = request.StoppingCondition?.MaxRuntimeInSeconds ?? DEFAULT_MAX_RUNTIME_S;
  return {
    EnableNetworkIsolation: false,
    EnableInterContainerTrafficEncryption: false,
    EnableManagedSpotTraining: false,
    ...request,
    StoppingCondition: { ...request.StoppingCondition, MaxRuntimeInSeconds: runtime },
    ...(request.InputDataConfig && {
      InputDataConfig: request.InputDataConfig.map((channel) => ({
        CompressionType: 'None',
        RecordWrapperType: 'None',
        ...channel,
      })),
    }),
  };
}

/** Rules between fields, and what local mode does not do. */
function checkMeaning(request: TrainingRequest): void {
  const algorithm = request.AlgorithmSpecification;
  if (!algorithm?.TrainingImage) {
    refuse(
      algorithm?.AlgorithmName
        ? 'AlgorithmSpecification.AlgorithmName: the local SageMaker runs images only; give TrainingImage'
        : 'You must specify either AlgorithmName or TrainingImage in AlgorithmSpecification.',
    );
  }
  refuseUnavailable(request);
  if (algorithm.MetricDefinitions?.length && hasOwnMetrics(algorithm.TrainingImage)) {
    refuse(
      "You can't override the metric definitions for Amazon SageMaker algorithms. Please retry the request without specifying metric definitions.",
    );
  }
  for (const { Name, Regex } of algorithm.MetricDefinitions ?? []) checkRegex(String(Name), String(Regex));
  checkChannels(request);
  const { InstanceType, VolumeKmsKeyId } = request.ResourceConfig ?? {};
  if (VolumeKmsKeyId && InstanceType && hasLocalStorage(InstanceType)) {
    refuse(
      `VolumeKmsKeyId is not supported for the instance type ${InstanceType}: its NVMe storage is encrypted with a key of the instance. Leave out VolumeKmsKeyId or choose an instance type without local storage.`,
    );
  }
  const { MaxRuntimeInSeconds = 0, MaxWaitTimeInSeconds } = request.StoppingCondition ?? {};
  if (request.EnableManagedSpotTraining && !((MaxWaitTimeInSeconds ?? 0) >= MaxRuntimeInSeconds)) {
    refuse(
      'Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds when EnableManagedSpotTraining is true.',
    );
  }
  for (const uri of [request.OutputDataConfig?.S3OutputPath, request.CheckpointConfig?.S3Uri]) if (uri) parseS3(uri);
  const local = request.CheckpointConfig?.LocalPath ?? CHECKPOINTS;
  if (local !== CHECKPOINTS) {
    refuse(`CheckpointConfig.LocalPath "${local}": the local SageMaker syncs ${CHECKPOINTS} only; leave LocalPath out`);
  }
}

/** What AWS would act on and local mode does not, so that nothing is silently ignored. */
function refuseUnavailable(request: TrainingRequest): void {
  const unavailable = {
    'AlgorithmSpecification.ContainerEntrypoint': request.AlgorithmSpecification?.ContainerEntrypoint,
    'AlgorithmSpecification.ContainerArguments': request.AlgorithmSpecification?.ContainerArguments,
    'ResourceConfig.InstanceGroups': request.ResourceConfig?.InstanceGroups,
    'OutputDataConfig.CompressionType NONE': request.OutputDataConfig?.CompressionType === 'NONE' || undefined,
  };
  for (const [member, value] of Object.entries(unavailable)) {
    if (value !== undefined && value !== null) refuse(`${member} is not available in local mode: leave it out`);
  }
}

function checkRegex(name: string, regex: string): void {
  try {
    new RegExp(regex);
  } catch (cause) {
    refuse(`MetricDefinitions: the regular expression of "${name}" is invalid: ${(cause as Error).message}`);
  }
}
