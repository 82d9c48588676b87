import { join } from 'node:path';
import { ApiError, type Context } from '../context.js';
import { resolveInput, shard } from '../inputs.js';
import { downloadAll, hasObjects, parseS3 } from '../s3.js';
import type { TrainingJob, TrainingRequest } from './types.js';
import type { Host } from './workspace.js';

/**
 * AWS looks at each channel's URL when the job is created. Throws the ValidationException it answers for a prefix
 * (or a manifest) that is not there.
 */
export async function assertInputs(ctx: Context, request: TrainingRequest): Promise<void> {
  await Promise.all(
    (request.InputDataConfig ?? []).map(async ({ DataSource }) => {
      // A file system is looked at when the job mounts it.
      if (!DataSource?.S3DataSource) return;
      const uri = String(DataSource.S3DataSource.S3Uri);
      const location = parseS3(uri);
      const problem = await hasObjects(ctx.s3, location).then(
        (found) => (found ? undefined : ''),
        (error: Error) => ` Error message from S3: ${error.message}`,
      );
      if (problem === undefined) return;
      throw new ApiError(
        'ValidationException',
        `No S3 objects found under S3 URL "${uri}" given in input data source. Please ensure that the bucket exists in the selected region (${ctx.config.region}), that objects exist under that S3 prefix, and that the role "${request.RoleArn}" has "s3:ListBucket" permissions on bucket "${location.bucket}".${problem}`,
      );
    }),
  );
}

/** Downloads every channel in S3 to every host, a shard each where the channel says ShardedByS3Key. */
export async function downloadChannels(
  ctx: Context,
  job: TrainingJob,
  hosts: readonly Host[],
  signal: AbortSignal,
): Promise<void> {
  for (const channel of job.request.InputDataConfig ?? []) {
    const source = channel.DataSource?.S3DataSource;
    if (!source) continue;
    const files = await resolveInput(
      ctx.s3,
      { S3DataType: String(source.S3DataType), S3Uri: String(source.S3Uri) },
      signal,
    );
    for (const [index, host] of hosts.entries()) {
      const mine = source.S3DataDistributionType === 'ShardedByS3Key' ? shard(files, index, hosts.length) : files;
      const folder = join(host.optMl, 'input/data', String(channel.ChannelName));
      await downloadAll(
        ctx.s3,
        mine.map(({ object, path }) => ({ object, file: join(folder, path) })),
        signal,
      );
    }
  }
}
