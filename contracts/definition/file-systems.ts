import { z } from 'zod';
import { folder, name } from './fields.js';

/** SageMaker's limit for InputDataConfig. */
const MOST_CHANNELS = 20;

/**
 * Channels that training reads from a mounted file system, not from S3. Members are SageMaker's FileSystemDataSource (API reference), and where
 * the workers see the same folder. SageMaker mounts the whole directory, so neither window nor as-of date leaves anything of it out.
 */
export const fileSystems = z
  .array(
    z.strictObject({
      channel: name('Channel name.', 64).meta({ examples: ['images'] }),
      fileSystem: z
        .string()
        .regex(/^fs-[0-9a-f]{8,40}$/, { error: 'must be the id of an EFS or FSx for Lustre file system: fs-…' })
        .describe('File system, EFS or FSx for Lustre.')
        .meta({ examples: ['fs-0123456789abcdef0'] }),
      type: z.enum(['EFS', 'FSxLustre'], { error: 'must be EFS or FSxLustre' }).default('EFS').describe('What it is.'),
      directory: z
        .union([z.literal('/'), folder('')], {
          error: 'must be / or an absolute folder without ., .. and //, and without a / at its end',
        })
        .describe('Folder on the file system; of Lustre it begins with the mount name.')
        .meta({ examples: ['/data/images'] }),
      access: z
        .enum(['ro', 'rw'], { error: 'must be ro or rw' })
        .default('ro')
        .describe('Whether training may write to it.'),
      path: folder('The same folder as the workers see it, on their mount.').meta({
        examples: ['/mnt/efs/data/images'],
      }),
      mirrorOf: z
        .string()
        .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/([^/\s]([^\s]*[^/\s])?\/)?$/, {
          error: 'must be an S3 prefix that ends with /: s3://bucket/prefix/',
        })
        .describe('What the folder is a mirror of: file records then name the objects, and lineage finds them.')
        .meta({ examples: ['s3://my-bucket/data/images/'] })
        .optional(),
    }),
  )
  .max(MOST_CHANNELS - 1)
  .describe(
    'Further channels that training reads from a file system in the VPC; all that lies in the folder, whatever its date.',
  );

export type FileSystemChannel = z.output<typeof fileSystems>[number];

/**
 * What the channels say together. Values of other types than the schema's may be there: their own faults name those.
 */
export function checkFileSystems(
  value: Record<string, unknown>,
  fault: (path: (string | number)[], message: string) => void,
): void {
  const data = mapOf(value['data']);
  const mounted = listOf(data['fileSystems']);
  const names = listOf(data['channels']);
  const judged = mapOf(value['evaluation'])['channel'];
  const taken = new Map<unknown, string>([
    ['train', 'must be another channel than train, which is read from S3, under data.prefix'],
    ['holdout', 'must not be holdout: records call by that name what evaluation.holdout keeps from training'],
    ...names.map((one) => [one, 'must not be one of data.channels, which are read from S3'] as const),
    ...(judged === undefined
      ? []
      : [[judged, 'must not be evaluation.channel: a model is not judged on what it was trained with'] as const]),
  ]);
  mounted.forEach((one, index) => {
    const { channel, mirrorOf } = mapOf(one);
    const bucket = typeof mirrorOf === 'string' ? /^s3:\/\/([^/]+)\//.exec(mirrorOf)?.[1] : undefined;
    if (bucket !== undefined && typeof data['bucket'] === 'string' && bucket !== data['bucket'])
      fault(
        ['data', 'fileSystems', index, 'mirrorOf'],
        `must lie in data.bucket (${data['bucket']}): the file record of a run names objects of one bucket`,
      );
    if (channel === undefined) return;
    const why = taken.get(channel);
    if (why !== undefined) fault(['data', 'fileSystems', index, 'channel'], why);
    taken.set(channel, `must not be the channel of data.fileSystems.${index} too`);
  });
  if (
    1 + names.length + mounted.length > MOST_CHANNELS &&
    mounted.length < MOST_CHANNELS &&
    names.length < MOST_CHANNELS
  )
    fault(
      ['data', 'fileSystems'],
      `must have at most ${MOST_CHANNELS - 1} entries together with data.channels: SageMaker takes ${MOST_CHANNELS} channels, train included`,
    );
}

const mapOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
