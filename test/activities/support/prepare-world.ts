import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { RedshiftClient } from '@aws-sdk/client-redshift';
import { RedshiftServerlessClient } from '@aws-sdk/client-redshift-serverless';
import { SSMClient } from '@aws-sdk/client-ssm';
import { join } from 'node:path';
import { keyedHashes } from '../../../activities/keyed-hashes.js';
import { createPrepareActivities, type PrepareDeps } from '../../../activities/prepare/index.js';
import { definitionSchema, type DefinitionInput } from '../../../contracts/definition/index.js';
import { runId } from '../../../contracts/names.js';
import type { PrepareInput } from '../../../contracts/prepare.js';
import { ROLE, startFixture } from '../../local/fixtures/redshift.js';
import { AWS, runActivity } from './world.js';

export type Redshift = NonNullable<DefinitionInput['prepare']>['redshift'];

/** A client of S3 that does something before some calls; what that throws is thrown. */
export const s3Before = (s3: S3Client, before: (command: { readonly input: object }) => void | Promise<void>) =>
  Object.create(s3, {
    send: {
      value: async (command: { input: object }, ...rest: unknown[]) => {
        await before(command);
        return (s3.send as (...all: unknown[]) => unknown).call(s3, command, ...rest);
      },
    },
  }) as S3Client;

/** A local Redshift with raw data in S3, and the activities that prepare data over real clients. */
export async function startPrepareWorld() {
  const fixture = await startFixture();
  const own = { ...AWS, endpoint: fixture.redshift.url };
  const [kms, ssm] = [new KMSClient(AWS), new SSMClient(AWS)];
  const [redshift, redshiftServerless] = [new RedshiftClient(own), new RedshiftServerlessClient(own)];
  const deps: PrepareDeps = { s3: fixture.s3, kms, ssm, redshift, redshiftServerless, hashes: keyedHashes(ssm) };
  const activities = createPrepareActivities(deps);
  const key = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
  await fixture.put('raw/sales_1', '1|10.5|2026-01-01\n2|20|2026-01-02\n');
  await fixture.put('raw/sales_2', '3|30|2026-01-03\n4|40|2026-01-04\n');
  let minutes = 0;

  function input(change: Partial<Redshift> = {}, more: Partial<PrepareInput> & { name?: string } = {}): PrepareInput {
    const { name = 'sales', ...rest } = more;
    const runTime = new Date(Date.UTC(2026, 0, 10) + 60_000 * minutes++).toISOString();
    const definition = definitionSchema.parse({
      name,
      role: ROLE,
      data: { bucket: fixture.bucket, window: 'P3D' },
      training: { algorithm: 'linear-learner', hyperparameters: { predictor_type: 'regressor' } },
      encryption: { key },
      prepare: {
        redshift: {
          cluster: { identifier: 'local', database: fixture.database, user: 'awsuser' },
          ca: join(fixture.stateDir, 'ca.pem'),
          role: ROLE,
          parameters: { since: { type: 'date', value: '${windowStart}' }, least: { type: 'double', value: 15 } },
          setup: [
            {
              file: 'setup.sql',
              sql: 'CREATE TABLE IF NOT EXISTS sales (id int, price numeric(8,2), sold date) DISTKEY(id) SORTKEY(sold);',
            },
          ],
          load: [{ table: 'sales', from: `s3://${fixture.bucket}/raw/sales_` }],
          checks: [
            { name: 'sales', rows: 'sales', min: 1 },
            { name: 'price', range: { table: 'sales', column: 'price' }, min: 0, max: 100 },
          ],
          query: {
            file: 'query.sql',
            sql: "SELECT price, id, 'o''clock' AS note FROM sales, perennial_parameters WHERE sold >= since AND price > least ORDER BY id;",
          },
          label: 'price',
          ...change,
        },
      },
    } satisfies DefinitionInput);
    return { ref: { model: name, run: runId(name, runTime), runTime }, definition, asOf: '2026-01-04', ...rest };
  }

  return {
    fixture,
    activities,
    key,
    input,
    /** The activities with other clients in place of some. */
    activitiesOver: (other: Partial<PrepareDeps>) => createPrepareActivities({ ...deps, ...other }),
    redshift,
    s3Before: (before: Parameters<typeof s3Before>[1]) => s3Before(fixture.s3, before),
    async keysUnder(Prefix: string) {
      const { Contents = [] } = await fixture.s3.send(new ListObjectsV2Command({ Bucket: fixture.bucket, Prefix }));
      return Contents.map(({ Key = '' }) => Key);
    },
    async text(Key: string) {
      const { Body } = await fixture.s3.send(new GetObjectCommand({ Bucket: fixture.bucket, Key }));
      return (await Body?.transformToString()) ?? '';
    },
    async prepared(work: PrepareInput) {
      const loaded = await runActivity(activities.loadWarehouse, work);
      const checked = await runActivity(activities.checkWarehouse, work);
      const exported = await runActivity(activities.exportQuery, work);
      return {
        loaded,
        checked,
        exported,
        published: await runActivity(activities.publishExport, { ...work, exported }),
      };
    },
    async stop() {
      for (const client of [kms, ssm, redshift, redshiftServerless]) client.destroy();
      await fixture.stop();
    },
  };
}

export type PrepareWorld = Awaited<ReturnType<typeof startPrepareWorld>>;
