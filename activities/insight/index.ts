import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { InsightActivities } from '../../contracts/insight.js';
import type { Ledger } from '../../ledger/store.js';
import { writeAnswer } from './answer.js';
import { compareRuns } from './compare.js';
import { readLogs } from './logs.js';
import { collectReport } from './report.js';

export interface InsightClients {
  readonly s3: S3Client;
  readonly sagemaker: SageMakerClient;
  readonly cloudWatchLogs: CloudWatchLogsClient;
  /** Opens the ledger at its first use and answers the same one from then on. */
  readonly ledger: () => Promise<Ledger>;
}

/** Activities behind `perennial compare`, `report` and `logs`. They read, and write nothing but their answer. */
export function createInsightActivities(clients: InsightClients): InsightActivities {
  return {
    compareRuns: async (input) => writeAnswer(clients.s3, input, await compareRuns(clients, input)),
    collectReport: async (input) => writeAnswer(clients.s3, input, await collectReport(clients, input)),
    readLogs: async (input) => writeAnswer(clients.s3, input, await readLogs(clients, input)),
  };
}
