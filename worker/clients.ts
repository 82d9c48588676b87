import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { ECRClient } from '@aws-sdk/client-ecr';
import { KMSClient } from '@aws-sdk/client-kms';
import { RedshiftClient } from '@aws-sdk/client-redshift';
import { RedshiftServerlessClient } from '@aws-sdk/client-redshift-serverless';
import { S3Client } from '@aws-sdk/client-s3';
import { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import { SQSClient } from '@aws-sdk/client-sqs';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { Agent as HttpAgent } from 'node:http';
import type { WorkerConfig } from './config.js';

/** Sockets a service: 100 activity slots that each make a few calls at once. */
const MAX_SOCKETS = 200;

export interface AwsClients {
  readonly cloudWatchLogs: CloudWatchLogsClient;
  /** ECR of a region: an image need not be in the worker's. */
  readonly ecr: (region: string) => ECRClient;
  readonly kms: KMSClient;
  readonly redshift: RedshiftClient;
  readonly redshiftServerless: RedshiftServerlessClient;
  readonly s3: S3Client;
  readonly sqs: SQSClient;
  readonly ssm: SSMClient;
  readonly sagemaker: SageMakerClient;
  readonly sagemakerRuntime: SageMakerRuntimeClient;
  destroy(): void;
}

/**
 * Clients of one worker. Endpoints and credentials come from the SDK's own standard places (environment, profile, role):
 * production and local mode differ in nothing else. Invocations get 65 s, a little more than SageMaker gives the model.
 */
export function createAwsClients(config: Pick<WorkerConfig, 'region'>): AwsClients {
  const { region } = config;
  const requestHandler = (requestTimeout: number) =>
    new NodeHttpHandler({
      connectionTimeout: 5_000,
      requestTimeout,
      // Without it the time limit is a warning: a connection that hangs would hold its activity's slot, and the shared sweep, for ever.
      throwOnRequestTimeout: true,
      httpAgent: new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
      httpsAgent: new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
    });
  const common = { region, requestHandler: requestHandler(30_000) };
  const clients = {
    cloudWatchLogs: new CloudWatchLogsClient(common),
    kms: new KMSClient(common),
    redshift: new RedshiftClient(common),
    redshiftServerless: new RedshiftServerlessClient(common),
    s3: new S3Client(common),
    // A long poll answers after 20 s.
    sqs: new SQSClient(common),
    ssm: new SSMClient(common),
    // Below the limit of one look at a job: a hanging connection is given up in time for another.
    sagemaker: new SageMakerClient({ region, requestHandler: requestHandler(10_000) }),
    sagemakerRuntime: new SageMakerRuntimeClient({ region, requestHandler: requestHandler(65_000) }),
  };
  const registries = new Map<string, ECRClient>();
  const ecr = (inRegion: string): ECRClient => {
    // Asked for what a run can do without: one try, and no longer than it is waited for.
    const client = registries.get(inRegion) ?? new ECRClient({ ...common, region: inRegion, maxAttempts: 1 });
    registries.set(inRegion, client);
    return client;
  };
  const destroy = () => [...Object.values(clients), ...registries.values()].forEach((client) => client.destroy());
  return { ...clients, ecr, destroy };
}

const POSTGRES_URL = /^postgres(ql)?:\/\/\S+$/;

/** The ledger's connection string, read at use where the configuration names a parameter of SSM or a file: a container's secret. */
export async function databaseUrl({ database }: Pick<WorkerConfig, 'database'>, ssm: SSMClient): Promise<string> {
  const [, kind, name = ''] = /^(ssm|file):(.*)$/.exec(database) ?? [];
  if (kind === undefined) return database;
  // What was made from a file ends its line.
  const value = (kind === 'ssm' ? await parameter(ssm, name) : await readFile(name, 'utf8'))?.trim();
  if (value === undefined || !POSTGRES_URL.test(value))
    throw new Error(
      `${kind === 'ssm' ? 'SSM parameter' : 'the file'} ${name} must hold the ledger's postgres:// URL, and nothing else`,
    );
  return value;
}

async function parameter(ssm: SSMClient, Name: string): Promise<string | undefined> {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name, WithDecryption: true }));
  return Parameter?.Value;
}
