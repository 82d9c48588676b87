import {
  BucketAlreadyOwnedByYou,
  CreateBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  KMSClient,
  NotFoundException,
} from '@aws-sdk/client-kms';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { SageMakerClient } from '@aws-sdk/client-sagemaker';

export type Env = Readonly<Record<string, string>>;

/** What a definition takes for granted in its account. */
export interface AccountNeeds {
  readonly bucket: string;
  /** `alias/…` */
  readonly keyAlias: string;
  readonly slack?: { readonly tokenParameter: string; readonly token: string };
}

/** Settings of an SDK client that lead it where a local mode's environment says, whatever this process's own says. */
export function awsSettings(env: Env, service?: 'SAGEMAKER' | 'SAGEMAKER_RUNTIME') {
  return {
    region: env['AWS_REGION'],
    endpoint: (service && env[`AWS_ENDPOINT_URL_${service}`]) ?? env['AWS_ENDPOINT_URL'],
    credentials: {
      accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  };
}

export const s3Client = (env: Env) => new S3Client(awsSettings(env));
export const sagemakerClient = (env: Env) => new SageMakerClient(awsSettings(env, 'SAGEMAKER'));

/** Makes the bucket (versioned, encrypted by default, its events sent to EventBridge), the key with its alias, and the Slack token; what is there already stays. */
export async function prepareAccount(env: Env, needs: AccountNeeds): Promise<void> {
  const settings = awsSettings(env);
  const [s3, kms, ssm] = [new S3Client(settings), new KMSClient(settings), new SSMClient(settings)];
  try {
    const key = await ensureKey(kms, needs.keyAlias);
    await ensureBucket(s3, needs.bucket, key);
    if (needs.slack) {
      const { tokenParameter: Name, token: Value } = needs.slack;
      await ssm.send(
        new PutParameterCommand({ Name, Value, Type: 'SecureString', KeyId: needs.keyAlias, Overwrite: true }),
      );
    }
  } finally {
    for (const client of [s3, kms, ssm]) client.destroy();
  }
}

async function ensureBucket(s3: S3Client, Bucket: string, KMSMasterKeyID: string): Promise<void> {
  try {
    await s3.send(new CreateBucketCommand({ Bucket }));
  } catch (error) {
    if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
  }
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  const rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' as const, KMSMasterKeyID } };
  await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules: [rule] } }));
  const NotificationConfiguration = { EventBridgeConfiguration: {} };
  await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
}

/** The key's ARN. */
async function ensureKey(kms: KMSClient, AliasName: string): Promise<string> {
  const found = await kms.send(new DescribeKeyCommand({ KeyId: AliasName })).catch((error: unknown) => {
    if (error instanceof NotFoundException) return undefined;
    throw error;
  });
  if (found?.KeyMetadata?.Arn) return found.KeyMetadata.Arn;
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: `Perennial: ${AliasName}` }));
  if (!KeyMetadata?.KeyId || !KeyMetadata.Arn) throw new Error(`KMS made a key for ${AliasName} without saying its id`);
  await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: KeyMetadata.KeyId }));
  return KeyMetadata.Arn;
}
