import { z } from 'zod';
import { folder, kmsKey, span, timeZone } from '../definition/fields.js';
import { RECORDS_PREFIX, defaultStorage } from './defaults.js';
import { checkStorage } from './rules.js';

export { RECORDS_PREFIX, defaultStorage };

const bucket = (what: string) =>
  z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, {
      error: 'must be an S3 bucket name: 3 to 63 lower-case letters, digits, dots, hyphens',
    })
    .describe(what)
    .meta({ examples: ['my-bucket'] });

const mode = (what: string, fallback: string) =>
  z
    .string()
    .regex(/^0[0-7]{3}$/, { error: 'must be four octal digits in quotes, e.g. "0640"' })
    .default(fallback)
    .describe(what);

/** `""` stands for the whole bucket. */
const anyPrefix = (what: string) =>
  z
    .string()
    .regex(/^(([^/\s][^\s]*)?[^/\s]\/)?$/, { error: 'must end with / and not start with one, or be "" for all' })
    .default('')
    .describe(what);

const mirror = z
  .strictObject({
    bucket: bucket('Bucket whose objects are copied.'),
    prefix: anyPrefix('Only objects under it; it is left out of the paths.'),
    path: folder('Folder on the workers that the file system is mounted at, or one below that.').meta({
      examples: ['/mnt/efs/data'],
    }),
    mountPoint: z
      .boolean()
      .default(true)
      .describe('Refuse to work while nothing is mounted there: an empty folder would pass for an erased one.'),
    fileSystem: z
      .string()
      .regex(/^fs-[0-9a-f]{8,40}$/, { error: 'must be an EFS file system id: fs-…' })
      .describe('EFS file system, for the record.')
      .optional(),
    created: z.boolean().default(true).describe('Copy objects that are created.'),
    removed: z.boolean().default(true).describe('Remove copies of objects that are removed.'),
    uid: z
      .int()
      .min(0)
      .max(2 ** 31)
      .default(1001)
      .describe("Owner of the files, the access point's."),
    gid: z
      .int()
      .min(0)
      .max(2 ** 31)
      .default(1001)
      .describe("Group of the files, the access point's."),
    fileMode: mode('Mode of files.', '0640'),
    folderMode: mode('Mode of folders.', '0750'),
    backups: span('How long backups of the file system keep what was erased.').default('P35D'),
  })
  .describe('One folder of a mounted file system that is kept equal to a prefix of a bucket.');

const copy = z
  .strictObject({
    bucket: bucket('Bucket of the originals.'),
    prefix: anyPrefix('Prefix of the originals.'),
    toBucket: bucket('Bucket of the copies.'),
    toPrefix: anyPrefix('Prefix of the copies, in place of prefix.'),
    suffix: z
      .string()
      .max(64)
      .default('')
      .describe('What a copy has at the end of its key: .out for batch-transform outputs.'),
  })
  .describe('Where else an object has copies: replicas, inputs and outputs of batch transforms, warehouse exports.');

/** What a P-256 public key begins with in DER, in base64. */
const P256 = 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE';

const formerKey = z
  .strictObject({
    key: z
      .string()
      .regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[a-zA-Z0-9-]+$/, {
        error:
          'must be the ARN of a KMS key, as it stands in the heads that the key signed: an alias leads elsewhere by now',
      })
      .describe('ARN of the key.')
      .meta({ examples: ['arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'] }),
    publicKey: z
      .string()
      .regex(new RegExp(`^${P256}[A-Za-z0-9+/]{86}==$`), {
        error:
          'must be a P-256 public key as `aws kms get-public-key --query PublicKey` prints it: 124 characters of base64',
      })
      .describe('Its public key, DER in base64: KMS has none of a key that is disabled or deleted.'),
    until: z.iso
      .datetime({ error: 'must be a time in UTC such as 2027-03-01T00:00:00Z' })
      .describe('When it was replaced: what it signed later is a fault.')
      .meta({ examples: ['2027-03-01T00:00:00Z'] }),
  })
  .describe('A key that signed before signingKey did.');

/** The one `storage` file beside the model definitions: where data has copies, and how erasing is recorded. Unknown keys are errors. */
export const storageSchema = z.strictObject({
  storage: z
    .strictObject({
      records: z
        .strictObject({
          bucket: bucket(`Bucket for lists of targets, reports and answers, under ${RECORDS_PREFIX}.`),
          key: kmsKey("KMS key of these objects; the bucket's default encryption without it.").optional(),
        })
        .describe('Where Perennial keeps what it needs for purges.'),
      mirrors: z.array(mirror).max(50).default([]).describe('File systems that are kept equal to a bucket.'),
      reconcile: z
        .strictObject({
          cron: z
            .string()
            .regex(/^\S+( \S+){4}$/, { error: 'must be a cron expression: minute hour day month weekday' })
            .describe('At which times.')
            .meta({ examples: ['30 2 * * *'] }),
          timeZone: timeZone.default('UTC').describe('Time zone of the cron expression.'),
        })
        .describe('When bucket and mounts are compared and repaired.')
        .optional(),
      copies: z.array(copy).max(100).default([]).describe('Buckets with copies of objects: a purge erases them too.'),
      audit: z
        .strictObject({
          bucket: bucket('Bucket with Object Lock that the heads of the hash chain are written to.'),
          retention: span('How long each head is locked.').default('P7Y'),
          signingKey: kmsKey('Asymmetric KMS key (ECC_NIST_P256, SIGN_VERIFY) that signs heads and certificates.').meta(
            {
              examples: ['alias/perennial-audit'],
            },
          ),
          // Optional, without a default: storage that was declared before there was this key has none.
          formerKeys: z
            .array(formerKey)
            .max(50)
            .describe('Keys that signed before it: what they signed until they were replaced still holds.')
            .optional(),
        })
        .describe('What proves that the record of purges was not rewritten.')
        .optional(),
      purge: z
        .strictObject({
          confirmAbove: z
            .int()
            .min(1)
            .max(1_000_000)
            .default(100)
            .describe('A purge of more objects than this wants --yes; one of a prefix always does.'),
        })
        .prefault({})
        .describe('How careful a purge by hand is.'),
    })
    .describe('Where data has copies, and how erasing is recorded.')
    .superRefine(
      (value, ctx) =>
        checkStorage(value, RECORDS_PREFIX, (path, message) => ctx.addIssue({ code: 'custom', path, message })),
      // Also beside other faults, so that one message has them all.
      { when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value) },
    ),
});

export type StorageInput = z.input<typeof storageSchema>;
/** Declared storage with every default filled in. */
export type Storage = z.output<typeof storageSchema>['storage'];
export type Mirror = Storage['mirrors'][number];
export type FormerKey = NonNullable<NonNullable<Storage['audit']>['formerKeys']>[number];
export type CopyRule = Storage['copies'][number];

/** JSON Schema (2020-12) of the storage file, for editors. */
export function storageJsonSchema(): object {
  return z.toJSONSchema(storageSchema, { io: 'input', unrepresentable: 'any' });
}
