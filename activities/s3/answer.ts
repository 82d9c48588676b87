import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { parseS3Uri } from '../../contracts/names.js';
import { withFailures } from '../errors.js';

/** Writes an answer as JSON to its exchange object, encrypted with `kmsKey` or as the bucket does by default. A retry writes it again. */
export async function writeJson(
  s3: S3Client,
  { outputUri, kmsKey }: { readonly outputUri: string; readonly kmsKey: string | undefined },
  answer: unknown,
): Promise<{ bytes: number }> {
  const { bucket, key } = parseS3Uri(outputUri);
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
