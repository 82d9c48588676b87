import type { S3Client } from '@aws-sdk/client-s3';
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { SSMClient } from '@aws-sdk/client-ssm';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import pg from 'pg';
import { createDataActivities, createLedgerActivities, createLineageActivities } from '../../../activities/index.js';
import { keyedHashes } from '../../../activities/keyed-hashes.js';
import type { Source } from '../../../activities/lineage/sources.js';
import { awsSettings, s3Client, sagemakerClient } from '../../../examples/demo/account.js';
import { migrate } from '../../../ledger/migrate.js';
import { createLedger } from '../../../ledger/store.js';
import type { LocalStack } from '../../../local/index.js';

const QUIET = new DefaultLogger('ERROR');

/** The activities over a local mode's services, as a worker has them. */
export interface LineageClients {
  readonly s3: S3Client;
  readonly sagemaker: SageMakerClient;
  readonly data: ReturnType<typeof createDataActivities>;
  readonly ledger: ReturnType<typeof createLedgerActivities>;
  readonly lineage: ReturnType<typeof createLineageActivities>;
  readonly hashes: ReturnType<typeof keyedHashes>;
  /** Runs an activity as a worker does. */
  run<A, R>(activity: (input: A) => Promise<R>, input: A): Promise<R>;
  close(): Promise<void>;
}

export async function lineageClients(stack: LocalStack, declared: readonly Source[]): Promise<LineageClients> {
  const s3 = s3Client(stack.env);
  const sagemaker = sagemakerClient(stack.env);
  const ssm = new SSMClient(awsSettings(stack.env));
  const pool = new pg.Pool({ connectionString: stack.urls.postgres });
  await migrate(pool);
  const opened = createLedger(pool);
  const ledger = async () => opened;
  const hashes = keyedHashes(ssm);
  const region = stack.env['AWS_REGION'] ?? '';
  return {
    s3,
    sagemaker,
    hashes,
    data: createDataActivities({ s3, ssm, sagemaker, region, hashes }),
    ledger: createLedgerActivities({ s3, ledger }),
    lineage: createLineageActivities({ s3, sagemaker, ledger, hashes, declared: async () => declared }),
    run: <A, R>(activity: (input: A) => Promise<R>, input: A): Promise<R> =>
      new MockActivityEnvironment({}, { logger: QUIET }).run(activity, input),
    async close() {
      for (const client of [s3, sagemaker, ssm]) client.destroy();
      await pool.end();
    },
  };
}
