import { z } from 'zod';
import { fileSystems } from './file-systems.js';
import { kmsKey, name, prefix, span } from './fields.js';
import { retention } from './retention.js';

export const data = z
  .strictObject({
    bucket: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, {
        error: 'must be an S3 bucket name: 3 to 63 lower-case letters, digits, dots, hyphens',
      })
      .describe('S3 bucket of the data, the run records and the model artefacts.')
      .meta({ examples: ['my-bucket'] }),
    prefix: prefix(
      'Prefix of the dated objects, YYYY-MM-DD.csv or anything under YYYY-MM-DD/; data/<name>/train/ by default.',
    ).optional(),
    output: prefix('Prefix for artefacts and run records; models/<name>/ by default.').optional(),
    window: span('How far back from the as-of date data is used; everything without it.').optional(),
    channels: z
      .array(
        name('Channel name.', 64).refine((value) => value !== 'train', {
          error: 'must be another channel than train, which is always there',
        }),
      )
      .max(19, { error: 'must have at most 19 channels besides train: SageMaker takes 20' })
      .default([])
      .describe('Further channels, each read from the sibling of the prefix that bears its name, same window.'),
    fileSystems: fileSystems.optional(),
    parameter: z
      .string()
      .regex(/^\/[a-zA-Z0-9_.\-/]+$/, { error: 'must be an SSM parameter name that starts with /' })
      .describe('SSM parameter that holds the newest date deployed; /models/<name>/train/latest by default.')
      .optional(),
    contentType: z.string().min(1).default('text/csv').describe('ContentType of the channels.'),
    retention: retention.optional(),
  })
  .describe('Where the training data lies.');

export const network = z
  .strictObject({
    subnets: z
      .array(z.string().regex(/^subnet-[a-z0-9]+$/, { error: 'must be a subnet id: subnet-…' }))
      .min(1, { error: 'must name at least one subnet' })
      .max(16)
      .describe('Subnets of the VPC.')
      .meta({ examples: [['subnet-0a1b2c3d']] }),
    securityGroups: z
      .array(z.string().regex(/^sg-[a-z0-9]+$/, { error: 'must be a security group id: sg-…' }))
      .min(1, { error: 'must name at least one security group' })
      .max(5)
      .describe('Security groups of the containers.')
      .meta({ examples: [['sg-0a1b2c3d']] }),
    isolation: z.boolean().default(false).describe('No outbound network for the containers.'),
  })
  .describe('VPC of training and endpoint.');

export const encryption = z
  .strictObject({
    key: kmsKey('One customer key for objects, training volume, artefact and endpoint.').optional(),
    data: kmsKey('Key of run records in S3, in place of key.').optional(),
    volume: kmsKey('Key of the training volume, in place of key.').optional(),
    output: kmsKey('Key of the model artefact, in place of key.').optional(),
    endpoint: kmsKey("Key of the endpoint's storage, in place of key.").optional(),
    allowInstanceWithoutVolumeKey: z
      .boolean()
      .default(false)
      .describe('Go on, with a warning, on instance types whose local NVMe takes no volume key.'),
  })
  .describe('KMS keys.');
