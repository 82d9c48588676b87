import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  KMSClient,
  NotFoundException,
} from '@aws-sdk/client-kms';
import { BucketAlreadyOwnedByYou, CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

/** For `storage.audit` of a storage file. */
export const AUDIT_BUCKET = 'perennial-audit';
export const AUDIT_KEY_ALIAS = 'alias/perennial-audit';

/**
 * Makes what the record of purges is proved with, which on AWS is the infrastructure's part: a bucket with Object Lock for the heads of the
 * chain, and a key that signs them. What is there already stays: another key would not fit the heads that the first one signed.
 * @throws the SDK's error if the emulator refuses
 */
export async function makeAuditResources(
  endpoint: string,
  { region, key }: { region: string; key: string },
): Promise<void> {
  const settings = { endpoint, region, credentials: { accessKeyId: key, secretAccessKey: key } };
  const s3 = new S3Client(settings);
  const kms = new KMSClient(settings);
  try {
    await Promise.all([ensureBucket(s3), ensureKey(kms)]);
  } finally {
    s3.destroy();
    kms.destroy();
  }
}

async function ensureBucket(s3: S3Client): Promise<void> {
  try {
    await s3.send(new CreateBucketCommand({ Bucket: AUDIT_BUCKET, ObjectLockEnabledForBucket: true }));
  } catch (error) {
    if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
  }
}

async function ensureKey(kms: KMSClient): Promise<void> {
  try {
    await kms.send(new DescribeKeyCommand({ KeyId: AUDIT_KEY_ALIAS }));
  } catch (error) {
    if (!(error instanceof NotFoundException)) throw error;
    const { KeyMetadata } = await kms.send(
      new CreateKeyCommand({
        KeySpec: 'ECC_NIST_P256',
        KeyUsage: 'SIGN_VERIFY',
        Description: `Perennial: ${AUDIT_KEY_ALIAS}`,
      }),
    );
    await kms.send(new CreateAliasCommand({ AliasName: AUDIT_KEY_ALIAS, TargetKeyId: KeyMetadata?.KeyId }));
  }
}
