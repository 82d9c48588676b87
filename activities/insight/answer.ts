import type { S3Client } from '@aws-sdk/client-s3';
import type { Definition } from '../../contracts/definition/index.js';
import type { Answered } from '../../contracts/insight.js';
import { writeJson } from '../s3/answer.js';
import { recordKey } from '../s3/records.js';

/** Writes an answer to its exchange object, encrypted with the definition's key. */
export const writeAnswer = (
  s3: S3Client,
  { definition, outputUri }: { definition: Definition; outputUri: string },
  answer: unknown,
): Promise<Answered> => writeJson(s3, { outputUri, kmsKey: recordKey(definition) }, answer);
