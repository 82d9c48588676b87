import {
  CreateBucketCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { CreateAliasCommand, CreateKeyCommand } from '@aws-sdk/client-kms';
import { PutParameterCommand, type ParameterType } from '@aws-sdk/client-ssm';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { keyedHashes } from '../../../activities/keyed-hashes.js';
import { createPrepareActivities } from '../../../activities/prepare/index.js';
import { definitionSchema, type DefinitionInput } from '../../../contracts/definition/index.js';
import { runId } from '../../../contracts/names.js';
import type { Exported, PrepareActivities, PrepareInput, Prepared } from '../../../contracts/prepare.js';
import { createAwsClients } from '../../../worker/clients.js';
import { awsClients } from '../../support/aws.js';
import { freshDatabase } from '../../support/database.js';
import { AWS, runActivity } from './world.js';

export type Prepare = NonNullable<DefinitionInput['prepare']>['redshift'];
type Published = Omit<Prepared, 'checks' | 'seconds'>;

/** A PostgreSQL database, its URL in SSM, a bucket and a key, and the activities that export from one to the other. */
export async function startPostgresWorld() {
  const id = randomUUID().slice(0, 8);
  const bucket = `perennial-pg-${id}`;
  const { s3, kms, ssm, events } = awsClients(AWS.endpoint);
  events.destroy();
  const fresh = await freshDatabase(inject('postgres').url);
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const [key, alias] = [KeyMetadata?.Arn ?? '', `alias/pg-${id}`];
  await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: KeyMetadata?.KeyId }));
  const parameter = `/perennial/test-${id}/url`;
  const setParameter = (Value: string, Type: ParameterType = 'SecureString', Name = parameter) =>
    ssm.send(new PutParameterCommand({ Name, Type, Value, Overwrite: true }));
  const plainUrl = `${fresh.url}?sslmode=disable`;
  await setParameter(plainUrl);
  const hashes = keyedHashes(ssm);
  // What no test here calls: a client of a warehouse on AWS.
  const { redshift, redshiftServerless, destroy } = createAwsClients({ region: AWS.region });
  const over = (client: S3Client): PrepareActivities =>
    createPrepareActivities({ s3: client, kms, ssm, redshift, redshiftServerless, hashes });
  const activities = over(s3);
  const admin = new pg.Client({ connectionString: fresh.url });
  await admin.connect();
  let runs = 0;

  /** A run of its own that exports what the query answers. */
  function input(sql: string, redshift: Partial<Prepare> = {}, more: Partial<PrepareInput> = {}): PrepareInput {
    const runTime = new Date(Date.UTC(2026, 0, 10) + 60_000 * runs++).toISOString();
    const model = `pg-${id}`;
    const definition = definitionSchema.parse({
      name: model,
      role: 'arn:aws:iam::000000000000:role/sagemaker',
      data: { bucket, window: 'P3D' },
      training: { algorithm: 'linear-learner', hyperparameters: { predictor_type: 'regressor' } },
      encryption: { key: alias },
      prepare: {
        redshift: { urlParameter: parameter, query: { file: 'query.sql', sql }, label: 'price', ...redshift },
      },
    } satisfies DefinitionInput);
    return { ref: { model, run: runId(model, runTime), runTime }, definition, asOf: '2026-01-04', ...more };
  }

  const text = async (Key: string) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    return (await Body?.transformToString()) ?? '';
  };
  const keys = async (Prefix: string) => {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix }));
    return Contents.map(({ Key = '' }) => Key);
  };

  return {
    ...{ s3, kms, ssm, hashes, bucket, key, alias, parameter, plainUrl, setParameter, over, activities, admin, input },
    ...{ text, keys },
    url: fresh.url,
    /** Names of the run's own copies. */
    parts: async (work: PrepareInput) => (await keys(exportFolder(work))).filter((one) => /data_|clean_/.test(one)),
    uploads: async (work: PrepareInput) => {
      const listed = await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: exportFolder(work) }));
      return listed.Uploads ?? [];
    },
    published: async (date = '2026-01-04') => keys(`data/pg-${id}/train/${date}/`),
    exported: (work: PrepareInput): Promise<Exported> => runActivity(activities.exportQuery, work),
    /** Exported and published, and what lies there then, in the order of its objects. */
    async prepared(work: PrepareInput): Promise<{ exported: Exported; published: Published; rows: string }> {
      const exported = await runActivity(activities.exportQuery, work);
      const published = await runActivity(activities.publishExport, { ...work, exported });
      const found = await keys(`data/pg-${id}/train/${work.asOf}/`);
      return { exported, published, rows: (await Promise.all(found.map(text))).join('') };
    },
    /** The server's processes that export for a run. */
    async statements({ ref }: PrepareInput): Promise<{ pid: number; query: string }[]> {
      const { rows } = await admin.query<{ pid: number; query: string }>(
        'SELECT pid, query FROM pg_stat_activity WHERE application_name LIKE $1',
        [`perennial/${ref.model}/${ref.runTime.replaceAll(/[-:.]/g, '')}%`],
      );
      return rows;
    },
    async stop() {
      await admin.end();
      await fresh.drop();
      for (const client of [s3, kms, ssm]) client.destroy();
      destroy();
    },
  };
}

export type PostgresWorld = Awaited<ReturnType<typeof startPostgresWorld>>;

const exportFolder = ({ definition, ref }: PrepareInput) =>
  `${definition.data.output}runs/${ref.runTime.replaceAll(/[-:.]/g, '')}/export/`;
