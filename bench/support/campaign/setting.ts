import { S3Client } from '@aws-sdk/client-s3';
import { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Client } from '@temporalio/client';
import pg from 'pg';
import { awsSettings } from '../../../examples/demo/account.js';
import { createLedger, type Ledger } from '../../../ledger/store.js';
import type { LocalStack, ServiceName } from '../../../local/index.js';
import type { BenchContext } from '../../scenario.js';
import { prepareBenchAccount } from '../models.js';
import { completeAtOnce, withClient, withStack } from '../stack.js';

/** A stack without a worker, and what a campaign looks at it with: past the proxies. */
export interface CampaignSetting extends BenchContext {
  readonly stack: LocalStack;
  readonly client: Client;
  readonly s3: S3Client;
  readonly ssm: SSMClient;
  readonly sagemaker: SageMakerClient;
  readonly ledger: Ledger;
}

/** Everything real; jobs and deployments complete at once, as what is tried is what happens between the calls. */
export function withCampaign<T>(
  context: BenchContext,
  use: (setting: CampaignSetting) => Promise<T>,
  more: readonly ServiceName[] = [],
): Promise<T> {
  return withStack(
    context,
    (stack) =>
      withClient(stack, async (client) => {
        await prepareBenchAccount(stack);
        await completeAtOnce(stack);
        const s3 = new S3Client(awsSettings(stack.env));
        const ssm = new SSMClient(awsSettings(stack.env));
        const sagemaker = new SageMakerClient(awsSettings(stack.env, 'SAGEMAKER'));
        const pool = new pg.Pool({ connectionString: stack.urls.postgres });
        try {
          return await use({ ...context, stack, client, s3, ssm, sagemaker, ledger: createLedger(pool) });
        } finally {
          for (const one of [s3, ssm, sagemaker]) one.destroy();
          await pool.end();
        }
      }),
    ['temporal', 'aws', 'postgres', 'slack', 'sagemaker', ...more],
  );
}
