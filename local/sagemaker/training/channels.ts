import type { DataSource } from '@aws-sdk/client-sagemaker';
import { type Fields, refuse, S3_PATTERN } from '../validate.js';
import type { TrainingRequest } from './types.js';

/** Checks the shape of a member of InputDataConfig. */
export function checkChannel(channel: Fields): void {
  channel.string('ChannelName', { required: true, min: 1, max: 64, pattern: '[A-Za-z0-9\\.\\-_]+' });
  const source = channel.structure('DataSource', { required: true });
  const s3 = source?.structure('S3DataSource');
  s3?.string('S3DataType', { required: true, values: ['ManifestFile', 'S3Prefix', 'AugmentedManifestFile'] });
  s3?.string('S3Uri', { required: true, max: 1024, pattern: S3_PATTERN });
  s3?.string('S3DataDistributionType', { values: ['FullyReplicated', 'ShardedByS3Key'] });
  const files = source?.structure('FileSystemDataSource');
  files?.string('FileSystemId', { required: true, min: 11, pattern: 'fs-[0-9a-f]{8,}' });
  files?.string('FileSystemAccessMode', { required: true, values: ['rw', 'ro'] });
  files?.string('FileSystemType', { required: true, values: ['EFS', 'FSxLustre'] });
  files?.string('DirectoryPath', { required: true, max: 4096 });
  channel.string('ContentType', { max: 256 });
  channel.string('CompressionType', { values: ['None', 'Gzip'] });
  channel.string('RecordWrapperType', { values: ['None', 'RecordIO'] });
  channel.string('InputMode', { values: ['Pipe', 'File', 'FastFile'] });
}

/** Rules between the members of channels, and what local mode does not do. */
export function checkChannels(request: TrainingRequest): void {
  const names = new Set<string>();
  for (const channel of request.InputDataConfig ?? []) {
    const name = String(channel.ChannelName);
    if (names.has(name)) refuse(`Duplicate channel name "${name}" in InputDataConfig: channel names must be unique.`);
    names.add(name);
    const mode = channel.InputMode ?? request.AlgorithmSpecification?.TrainingInputMode;
    if (mode === 'Pipe') refuse(`channel "${name}": the local SageMaker has no Pipe mode; use File or FastFile`);
    checkSource(request, name, channel.DataSource, mode);
    if (channel.DataSource?.S3DataSource?.S3DataType === 'AugmentedManifestFile') {
      refuse(`channel "${name}": AugmentedManifestFile needs Pipe mode, which the local SageMaker does not have`);
    }
    if (channel.CompressionType === 'Gzip') {
      refuse(`channel "${name}": CompressionType Gzip is for Pipe mode, which the local SageMaker does not have`);
    }
  }
}

function checkSource(
  { VpcConfig }: TrainingRequest,
  name: string,
  source: DataSource | undefined,
  mode: string | undefined,
): void {
  const { S3DataSource: s3, FileSystemDataSource: files } = source ?? {};
  if (s3 && files)
    refuse(`channel "${name}": DataSource must have exactly one of S3DataSource and FileSystemDataSource`);
  if (s3) return;
  if (!files) refuse(`channel "${name}": the local SageMaker reads S3DataSource and FileSystemDataSource only`);
  if (!VpcConfig)
    refuse(
      `channel "${name}": VpcConfig is required for FileSystemDataSource: give the subnets and security groups through which ${files.FileSystemId} is reached`,
    );
  if (mode === 'FastFile') refuse(`channel "${name}": FastFile mode is for S3DataSource; use File`);
  const path = String(files.DirectoryPath);
  if (!path.startsWith('/') || path.split('/').includes('..'))
    refuse(`channel "${name}": DirectoryPath "${path}" must be a full path, starting with / and without ..`);
}
