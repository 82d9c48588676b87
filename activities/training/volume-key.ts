import { DescribeKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { CreateTrainingJobRequest } from '@aws-sdk/client-sagemaker';
import { withFailures } from '../errors.js';

const isAlias = (key: string) => key.startsWith('alias/') || key.includes(':alias/');

/**
 * The request with the volume's key by its ARN: of all keys that SageMaker takes, this one it documents only by id or ARN, while a
 * definition may name an alias. Source: API reference, ResourceConfig.VolumeKmsKeyId.
 */
export async function withVolumeKeyArn(
  kms: KMSClient,
  request: CreateTrainingJobRequest,
): Promise<CreateTrainingJobRequest> {
  const key = request.ResourceConfig?.VolumeKmsKeyId;
  if (!request.ResourceConfig || !key || !isAlias(key)) return request;
  const about = {
    action: 'kms:DescribeKey',
    resource: `KMS key ${key}, encryption.key of the definition`,
    permission: 'kms:DescribeKey',
  };
  const { KeyMetadata } = await withFailures(about, () => kms.send(new DescribeKeyCommand({ KeyId: key })));
  return { ...request, ResourceConfig: { ...request.ResourceConfig, VolumeKmsKeyId: KeyMetadata?.Arn ?? key } };
}
