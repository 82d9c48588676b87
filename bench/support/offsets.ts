import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { definitionSchema, type Definition, type DefinitionInput } from '../../contracts/definition/index.js';
import { BUCKET, KEY_ALIAS, benchDefinition } from './models.js';

/** Image whose model adds to each row's only feature what the labels of the newest day lie above it on average. */
export const OFFSET_IMAGE = 'offset';

type Evaluation = Partial<NonNullable<DefinitionInput['evaluation']>>;

/** A model on that image, judged by its mean absolute error on the channel `test`. */
export function offsetInput(name: string, evaluation: Evaluation): DefinitionInput {
  return {
    ...benchDefinition(name),
    data: { bucket: BUCKET, window: 'P50Y', prefix: `data/${name}/train/` },
    training: { image: `${OFFSET_IMAGE}:1` },
    evaluation: { metric: 'mae', channel: 'test', ...evaluation },
  };
}

export const offsetDefinition = (name: string, evaluation: Evaluation): Definition =>
  definitionSchema.parse(offsetInput(name, evaluation));

/** Rows of a day whose labels lie above their feature by what `above` says of each row's index. */
export const offsetRows = (count: number, above: (index: number) => number): string =>
  Array.from({ length: count }, (_none, index) => `${(index % 1_000) + above(index)},${index % 1_000}\n`).join('');

/** Writes a day of a model's channel, encrypted. */
export async function putDay(
  s3: S3Client,
  model: string,
  channel: 'train' | 'test',
  date: string,
  rows: string,
): Promise<void> {
  await s3.send(
    new PutObjectCommand({
      Bucket: BUCKET,
      Key: `data/${model}/${channel}/${date}.csv`,
      Body: rows,
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: KEY_ALIAS,
    }),
  );
}
