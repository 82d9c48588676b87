import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Definition } from '../../contracts/definition/index.js';
import type { Answered } from '../../contracts/insight.js';
import { parseS3Uri } from '../../contracts/names.js';
import { withFailures } from '../errors.js';
import { recordKey } from '../s3/records.js';

/** Writes an answer to its exchange object, encrypted with the definition's key. A retry writes it again. */
export async function writeAnswer(
  s3: S3Client,
  { definition, outputUri }: { definition: Definition; outputUri: string },
  answer: unknown,
): Promise<Answered> {
  const { bucket, key } = parseS3Uri(outputUri);
  const kmsKey = recordKey(definition);
  const body = Buffer.from(JSON.stringify(answer));
  const permission = kmsKey ? 's3:PutObject and kms:GenerateDataKey' : 's3:PutObject';
  await withFailures({ action: 'write', resource: outputUri, permission }, () =>
    s3.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: body,
        ContentType: 'application/json',
        ...(kmsKey && { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKey }),
      }),
    ),
  );
  return { bytes: body.length };
}
