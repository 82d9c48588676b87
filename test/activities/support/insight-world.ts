import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { CreateTrainingJobCommand } from '@aws-sdk/client-sagemaker';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Pool } from 'pg';
import { inject } from 'vitest';
import { createInsightActivities } from '../../../activities/index.js';
import { definitionSchema, type Definition } from '../../../contracts/definition/index.js';
import type { Evaluation, ScoreRecord } from '../../../contracts/evaluation.js';
import type { InsightActivities } from '../../../contracts/insight.js';
import { HOLDOUT } from '../../../activities/data/holdout.js';
import { fileRecordKey, outcomeKey, parseS3Uri, runId, s3Uri } from '../../../contracts/names.js';
import type { FileEntry, OutcomeObject } from '../../../contracts/records.js';
import { migrate } from '../../../ledger/migrate.js';
import { createLedger, type Ledger } from '../../../ledger/store.js';
import { startFixture, trainingRequest, type Fixture } from '../../local/fixtures/sagemaker.js';
import { awsClients } from '../../support/aws.js';
import { freshDatabase } from '../../support/database.js';

const REGION = 'us-east-1';

/** An entry of a file record; `version` stands for its content. */
export const file = (channel: string, date: string, version = 'a', size = 100): FileEntry => ({
  channel,
  key: `data/housing/${channel === 'train' ? 'train/' : ''}${date}.csv`,
  date,
  etag: `"${version}"`,
  size,
});

/** Judged on rows of this hash; metrics of candidate and, if given, of the live model. */
export const evaluation = (hash: string, mdape: number, more: Partial<Evaluation> = {}): Evaluation => ({
  metric: 'mdape',
  holdout: { hash, files: 1, from: '2026-01-30', to: '2026-01-31' },
  rows: 40,
  candidate: { modelName: 'candidate', metrics: { mdape, r2: 0.9 }, scoreUri: 's3://nowhere/score.json' },
  ...more,
});

/** A ledger of its own, a bucket with records, and a local SageMaker whose training jobs do as they are told. */
export class InsightWorld {
  private constructor(
    readonly fixture: Fixture,
    readonly s3: S3Client,
    readonly ledger: Ledger,
    readonly activities: InsightActivities,
    readonly cloudWatchLogs: CloudWatchLogsClient,
    private readonly end: () => Promise<void>,
  ) {}

  static async make(): Promise<InsightWorld> {
    const [fixture, database] = await Promise.all([startFixture(), freshDatabase(inject('postgres').url)]);
    const pool = new Pool({ connectionString: database.url });
    await migrate(pool);
    const { s3 } = awsClients(inject('aws').endpoint);
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const cloudWatchLogs = new CloudWatchLogsClient({ endpoint: fixture.server.url, region: REGION, credentials });
    const ledger = createLedger(pool);
    const clients = { s3, sagemaker: fixture.client, cloudWatchLogs, ledger: async () => ledger };
    return new InsightWorld(fixture, s3, ledger, createInsightActivities(clients), cloudWatchLogs, async () => {
      cloudWatchLogs.destroy();
      s3.destroy();
      await pool.end();
      await database.drop();
      await fixture[Symbol.asyncDispose]();
    });
  }

  close(): Promise<void> {
    return this.end();
  }

  definition(name = 'housing'): Definition {
    return definitionSchema.parse({
      name,
      role: 'arn:aws:iam::000000000000:role/sagemaker',
      data: { bucket: this.fixture.bucket },
      training: { algorithm: 'xgboost' },
    });
  }

  outputUri(name = 'answer'): string {
    return s3Uri(this.fixture.bucket, `models/housing/exchange/${name}/output`);
  }

  async put(key: string, value: unknown): Promise<string> {
    await this.s3.send(new PutObjectCommand({ Bucket: this.fixture.bucket, Key: key, Body: JSON.stringify(value) }));
    return s3Uri(this.fixture.bucket, key);
  }

  async read<T>(uri: string): Promise<T> {
    const { bucket: Bucket, key: Key } = parseS3Uri(uri);
    const { Body } = await this.s3.send(new GetObjectCommand({ Bucket, Key }));
    return JSON.parse((await Body?.transformToString()) ?? '') as T;
  }

  /** Exchange objects that are there still. */
  async exchanged(): Promise<number> {
    const query = { Bucket: this.fixture.bucket, Prefix: 'models/housing/exchange/' };
    return (await this.s3.send(new ListObjectsV2Command(query))).KeyCount ?? 0;
  }

  score(record: Partial<ScoreRecord> = {}): Promise<string> {
    const whole = { version: 1, modelName: 'm', holdoutHash: 'h', rows: 40, metrics: { mdape: 0.2 }, notes: [] };
    return this.put('models/housing/scores/m/h.json', { ...whole, sample: [[1, 1.1]], ...record });
  }

  /** A training job of the local SageMaker. */
  async train(name: string, hyperparameters: Record<string, string> = {}, count = 1): Promise<void> {
    const resources = { InstanceType: 'ml.m5.large' as const, InstanceCount: count, VolumeSizeInGB: 5 };
    const request = trainingRequest(this.fixture, name, hyperparameters, { ResourceConfig: resources });
    await this.fixture.client.send(new CreateTrainingJobCommand(request));
  }

  /** Records a run as runs themselves do: file record and outcome object in S3, and, unless asked not to, in the ledger. */
  async run(
    time: string,
    change: Partial<OutcomeObject> = {},
    { files = [file('train', '2026-01-01')], indexed = true, model = 'housing' } = {},
  ): Promise<OutcomeObject> {
    const { bucket, output } = this.definition(model).data;
    const run = runId(model, time);
    const outcome: OutcomeObject = {
      ...{ version: 1, run, temporalRunId: '01a3f7', model, outcome: 'Deployed', reason: '3 new files' },
      ...{ trigger: 'schedule', asOf: time.slice(0, 10), startedAt: time },
      endedAt: new Date(Date.parse(time) + 60_000).toISOString(),
      stages: { 'check data': 1, await: 40, deploy: 19 },
      ...{ dataHash: `d-${time}`, definitionHash: 'f1', files: files.length },
      ...{ trainingJob: `${model}-gone-1`, image: 'registry/xgboost:1', instanceType: 'ml.m5.xlarge' },
      ...{ billableSeconds: 41, metrics: [{ name: 'validation:rmse', value: 2.5 }], warnings: [] },
      fileRecordUri: s3Uri(bucket, fileRecordKey(output, time)),
      ...change,
    };
    const fileRecord = { version: 1 as const, model, run, bucket, asOf: time.slice(0, 10) };
    const held = files.some(({ channel }) => channel === HOLDOUT) && { holdout: HOLDOUT };
    const record = { ...fileRecord, dataHash: outcome.dataHash ?? '', definitionHash: 'f1', ...held, files };
    await this.put(fileRecordKey(output, time), record);
    const uri = await this.put(outcomeKey(output, time), outcome);
    if (indexed) await this.ledger.recordRun({ uri, outcome, fileRecord: record });
    return outcome;
  }
}
