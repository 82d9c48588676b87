import { ApiError } from '../context.js';
import { parseS3 } from '../s3.js';
import { readTags, type Tag } from '../tags.js';
import { TRANSFORM_INSTANCE_TYPES, hasLocalStorage } from '../training/instances.js';
import { Fields, KMS_PATTERN, NAME_PATTERN, S3_PATTERN } from '../validate.js';
import { FORMAT_NAMES, formatOf, mediaType } from './formats.js';
import { isFilter } from './processing.js';
import type { TransformRequest } from './types.js';

/** AWS: what one request to the model may hold at most, times how many go at once. */
const LARGEST_IN_FLIGHT_MB = 100;

/** Checks a CreateTransformJob request the way AWS does; throws ValidationException. */
export function readTransformRequest(input: Record<string, unknown>): { request: TransformRequest; tags: Tag[] } {
  const fields = new Fields(input);
  fields.string('TransformJobName', { required: true, min: 1, max: 63, pattern: NAME_PATTERN });
  fields.string('ModelName', { required: true, max: 63, pattern: '^[a-zA-Z0-9]([\\-a-zA-Z0-9]*[a-zA-Z0-9])?' });
  fields.integer('MaxConcurrentTransforms', { min: 0 });
  fields.integer('MaxPayloadInMB', { min: 0 });
  fields.string('BatchStrategy', { values: ['MultiRecord', 'SingleRecord'] });
  fields.map('Environment', {
    max: 16,
    key: { max: 1024, pattern: '[a-zA-Z_][a-zA-Z0-9_]*' },
    value: { max: 10_240 },
  });
  const client = fields.structure('ModelClientConfig');
  client?.integer('InvocationsTimeoutInSeconds', { min: 1, max: 3600 });
  client?.integer('InvocationsMaxRetries', { min: 0, max: 3 });
  checkInput(fields);
  checkOutput(fields);
  const processing = fields.structure('DataProcessing');
  processing?.string('InputFilter', { max: 63 });
  processing?.string('OutputFilter', { max: 63 });
  processing?.string('JoinSource', { values: ['Input', 'None'] });
  const tags = readTags(input, fields);
  fields.done();

  const { Tags: _, ...rest } = input;
  const request = rest as unknown as TransformRequest;
  checkMeaning(request);
  return { request, tags };
}

function checkInput(fields: Fields): void {
  const input = fields.structure('TransformInput', { required: true });
  const source = input?.structure('DataSource', { required: true })?.structure('S3DataSource', { required: true });
  source?.string('S3DataType', { required: true, values: ['ManifestFile', 'S3Prefix'] });
  source?.string('S3Uri', { required: true, max: 1024, pattern: S3_PATTERN });
  input?.string('ContentType', { max: 256 });
  input?.string('CompressionType', { values: ['None', 'Gzip'] });
  input?.string('SplitType', { values: ['None', 'Line', 'RecordIO', 'TFRecord'] });
}

function checkOutput(fields: Fields): void {
  const output = fields.structure('TransformOutput', { required: true });
  output?.string('S3OutputPath', { required: true, max: 1024, pattern: S3_PATTERN });
  output?.string('Accept', { max: 256 });
  output?.string('AssembleWith', { values: ['None', 'Line'] });
  output?.string('KmsKeyId', { max: 2048, pattern: KMS_PATTERN });
  const resources = fields.structure('TransformResources', { required: true });
  resources?.string('InstanceType', { required: true, values: TRANSFORM_INSTANCE_TYPES });
  resources?.integer('InstanceCount', { required: true, min: 1 });
  resources?.string('VolumeKmsKeyId', { max: 2048, pattern: KMS_PATTERN });
}

/** Rules between fields, and what local mode does not do. */
function checkMeaning(request: TransformRequest): void {
  const { TransformInput: input, TransformOutput: output, TransformResources: resources } = request;
  const split = input?.SplitType ?? 'None';
  if (split === 'RecordIO' || split === 'TFRecord')
    refuse(`SplitType ${split}: the local SageMaker splits by Line only`);
  if (request.BatchStrategy === 'SingleRecord' && split === 'None') {
    refuse('BatchStrategy SingleRecord needs a SplitType: set SplitType to Line.');
  }
  const { MaxConcurrentTransforms: concurrent, MaxPayloadInMB: payload } = request;
  if (concurrent && payload && concurrent * payload > LARGEST_IN_FLIGHT_MB) {
    refuse(`MaxConcurrentTransforms * MaxPayloadInMB must not exceed ${LARGEST_IN_FLIGHT_MB} MB.`);
  }
  const { InstanceType, VolumeKmsKeyId } = resources ?? {};
  if (VolumeKmsKeyId && InstanceType && hasLocalStorage(InstanceType)) {
    refuse(`VolumeKmsKeyId is not supported for the instance type ${InstanceType}: leave it out.`);
  }
  for (const uri of [input?.DataSource?.S3DataSource?.S3Uri, output?.S3OutputPath]) if (uri) parseS3(uri);
  checkProcessing(request, split, output?.AssembleWith ?? 'None');
}

/** AWS's rules for DataProcessing: formats of input and output that agree, and delimiters that go with them. */
function checkProcessing(request: TransformRequest, split: string, assemble: string): void {
  const { InputFilter, OutputFilter, JoinSource } = request.DataProcessing ?? {};
  const joins = JoinSource === 'Input';
  const filters = [InputFilter, OutputFilter].filter(isFilter);
  if (!joins && filters.length === 0) return;
  const type = mediaType(request.TransformInput?.ContentType);
  const format = formatOf(type);
  if (!format) return refuse(`DataProcessing needs ContentType to be one of ${FORMAT_NAMES}, not ${type ?? 'unset'}.`);
  for (const filter of filters) {
    try {
      format.path(filter);
    } catch (cause) {
      refuse(`DataProcessing: ${(cause as Error).message}`);
    }
  }
  if (type === 'text/csv' && split !== 'Line') {
    refuse('DataProcessing of text/csv needs SplitType Line: records are filtered and joined line by line.');
  }
  if (type === 'text/csv' && joins && assemble !== 'Line')
    refuse('JoinSource Input of text/csv needs AssembleWith Line.');
  const accept = mediaType(request.TransformOutput?.Accept);
  if ((joins || isFilter(OutputFilter)) && accept !== undefined && accept !== type) {
    refuse(`DataProcessing joins and filters answers of the input's type: Accept must be ${type}, not ${accept}.`);
  }
}

function refuse(message: string): never {
  throw new ApiError('ValidationException', message);
}
