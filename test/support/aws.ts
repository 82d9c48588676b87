import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';

/** Clients of the MiniStack that global-setup started: `awsClients(inject('aws').endpoint)`. */
export function awsClients(endpoint: string) {
  const config = { endpoint, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  return {
    s3: new S3Client(config),
    kms: new KMSClient(config),
    ssm: new SSMClient(config),
    events: new EventBridgeClient(config),
  };
}
