import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { createAlarmReader } from './alarms.js';
import type { Context } from './context.js';
import { patientRetries } from './patience.js';

/**
 * Clients of the emulated services that jobs read from and write to. Endpoints come from the standard variables
 * (`AWS_ENDPOINT_URL_S3` … before `AWS_ENDPOINT_URL`); none set is an error, so that a local job never reaches AWS.
 */
export function createClients(
  env: NodeJS.ProcessEnv,
  region: string,
): Pick<Context, 's3' | 'kms' | 'events' | 'alarmStates'> {
  const credentials = {
    accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? 'test',
    secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? 'test',
    ...(env['AWS_SESSION_TOKEN'] ? { sessionToken: env['AWS_SESSION_TOKEN'] } : {}),
  };
  const options = (service: string): { region: string; endpoint: string; credentials: typeof credentials } => ({
    region,
    endpoint: endpointOf(env, service),
    credentials,
  });
  return {
    s3: new S3Client({ ...options('S3'), forcePathStyle: true, retryStrategy: patientRetries }),
    kms: new KMSClient({ ...options('KMS'), retryStrategy: patientRetries }),
    events: new EventBridgeClient(options('EVENTBRIDGE')),
    alarmStates: createAlarmReader(options('CLOUDWATCH')),
  };
}

function endpointOf(env: NodeJS.ProcessEnv, service: string): string {
  const url = env[`AWS_ENDPOINT_URL_${service}`] ?? env['AWS_ENDPOINT_URL'];
  if (!url) {
    throw new Error(
      `AWS_ENDPOINT_URL is not set: the local SageMaker needs a local ${service}; set it (or AWS_ENDPOINT_URL_${service}) to the emulator's URL`,
    );
  }
  return url;
}
