import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import pg from 'pg';
import { definitionSchema } from '../../../contracts/definition/index.js';
import { runId } from '../../../contracts/names.js';
import type { PrepareInput } from '../../../contracts/prepare.js';
import { awsSettings } from '../../../examples/demo/account.js';
import type { LocalStack } from '../../../local/index.js';

const BUCKET = 'perennial-export';
const PARAMETER = '/perennial/export/url';
const MODEL = 'sales';

/** A table as training data has it: a label, numbers of several types, a word, a date. About 75 bytes a row as CSV. */
const table = (rows: number) => `
  CREATE UNLOGGED TABLE sales AS
  SELECT (i * 7919 % 100003)::numeric / 100 AS price, i AS id, i * 31 % 97 AS venue, (i * 17 % 1000) / 8.0::float8 AS lat,
    (i * 13 % 1000) / 16.0::float8 AS lon, i % 12 AS month, 1 + i % 9 AS seats,
    CASE i % 50 WHEN 0 THEN 'rock, "pop"' ELSE 'kind ' || i % 40 END AS kind, DATE '2020-01-01' + (i % 2000)::int AS sold
  FROM generate_series(1::bigint, ${rows}) AS i`;

/** Rows, a bucket, a key and the parameter with the URL. */
export interface ExportWorld {
  /** Where the rows are: with a password. */
  readonly url: string;
  readonly s3: S3Client;
  readonly bucket: string;
  /** All rows or the first ones, as a query. */
  query(rows?: number): string;
  /** A run that exports them. */
  input(rows?: number): PrepareInput;
  close(): void;
}

/** Makes a table of so many rows and what an export of it needs. */
export async function exportWorld({ env, urls }: Pick<LocalStack, 'env' | 'urls'>, rows: number): Promise<ExportWorld> {
  const settings = awsSettings(env);
  const [s3, kms, ssm] = [new S3Client(settings), new KMSClient(settings), new SSMClient(settings)];
  const url = urls.postgres ?? '';
  try {
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    const key = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
    const Value = `${url}?sslmode=disable`;
    await ssm.send(new PutParameterCommand({ Name: PARAMETER, Type: 'SecureString', Value }));
    await fillTable(url, rows);
    let runs = 0;
    const query = (most?: number) => `SELECT * FROM sales${most === undefined ? '' : ` WHERE id <= ${most}`}`;
    return {
      ...{ url, s3, bucket: BUCKET, query },
      input(most) {
        const runTime = new Date(Date.UTC(2026, 0, 10) + 60_000 * runs++).toISOString();
        const definition = definitionSchema.parse({
          name: MODEL,
          role: 'arn:aws:iam::000000000000:role/sagemaker',
          data: { bucket: BUCKET },
          training: { algorithm: 'linear-learner', hyperparameters: { predictor_type: 'regressor' } },
          encryption: { key },
          prepare: {
            redshift: { urlParameter: PARAMETER, query: { file: 'query.sql', sql: query(most) }, label: 'price' },
          },
        });
        return { ref: { model: MODEL, run: runId(MODEL, runTime), runTime }, definition, asOf: '2026-01-09' };
      },
      close: () => s3.destroy(),
    };
  } finally {
    kms.destroy();
    ssm.destroy();
  }
}

async function fillTable(url: string, rows: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(table(rows));
    // What the first reader would do otherwise, and be slower for it.
    await client.query('VACUUM ANALYZE sales');
  } finally {
    await client.end();
  }
}
