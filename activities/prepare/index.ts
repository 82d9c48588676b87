import type { KMSClient } from '@aws-sdk/client-kms';
import type { S3Client } from '@aws-sdk/client-s3';
import type { RedshiftPrepare } from '../../contracts/definition/prepare.js';
import { parseS3Uri } from '../../contracts/names.js';
import type { ExportRecord, Exported, PrepareActivities, PrepareInput } from '../../contracts/prepare.js';
import { fail } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { writeOnce } from '../s3/objects.js';
import { readRecord, recordConflict, recordKey } from '../s3/records.js';
import type { WarehouseClients } from './access.js';
import { runChecks } from './check.js';
import { copyOut } from './copy-out.js';
import { runLoads, runSetup } from './load.js';
import { bindParameters } from './parameters.js';
import { placesOf } from './places.js';
import { beating } from './progress.js';
import { discard, publish, refuseForeign } from './publish.js';
import { withSession, type Session } from './session.js';
import { bare } from './sql.js';
import { unload } from './unload.js';

export interface PrepareDeps extends WarehouseClients {
  readonly s3: S3Client;
  readonly kms: KMSClient;
  readonly hashes: () => Promise<KeyedHashes>;
}

/** Activities of the stage "prepare": see PrepareActivities. */
export function createPrepareActivities(deps: PrepareDeps): PrepareActivities {
  const { s3 } = deps;
  return {
    async loadWarehouse(input) {
      const prepare = wanted(input);
      await refuseForeign(s3, placesOf(input));
      return timed(async () => {
        if (prepare.setup.length === 0 && prepare.load.length === 0) return { loads: [] };
        return withSession(deps, input, prepare, 'load', async (session) => {
          await bindParameters(session, deps.ssm, input, prepare.parameters);
          await runSetup(session, prepare);
          return { loads: await runLoads(session, prepare) };
        });
      });
    },

    async checkWarehouse(input) {
      const prepare = wanted(input);
      return timed(async () => {
        if (prepare.checks.length === 0) return { checks: [] };
        return withSession(deps, input, prepare, 'check', async (session) => {
          await bindParameters(session, deps.ssm, input, prepare.parameters);
          return { checks: await runChecks(session, prepare.checks) };
        });
      });
    },

    async exportQuery(input) {
      const prepare = wanted(input);
      const { bucket, record, recordUri } = placesOf(input);
      const known = await readRecord<ExportRecord>(s3, bucket, record);
      if (known) return exportedAs(known.record, recordUri, true);
      return withSession(deps, input, prepare, 'export', async (session) => {
        await bindParameters(session, deps.ssm, input, prepare.parameters);
        const columns = await labelFirst(session, prepare);
        const { attached, ...exported } =
          session.dialect === 'redshift'
            ? await unload(session, deps, input, prepare.query.sql)
            : { ...(await copyOut(session, deps, input, prepare.query.sql)), attached: false };
        if (exported.rows === 0)
          throw fail(
            'DataInvalid',
            `${session.name}: the query answers no rows, so there is nothing to train on. Nothing was published: look at its conditions and parameters`,
          );
        const made: ExportRecord = { version: 1, columns, ...exported };
        const kmsKey = recordKey(input.definition);
        if (
          (await writeOnce(s3, {
            bucket,
            key: record,
            body: JSON.stringify(made),
            ...(kmsKey !== undefined && { kmsKey }),
          })) !== undefined
        )
          throw recordConflict(recordUri);
        return exportedAs(made, recordUri, attached);
      });
    },

    async publishExport({ exported, ...input }) {
      const { bucket, key } = parseS3Uri(exported.exportUri);
      const stored = await readRecord<ExportRecord>(s3, bucket, key);
      if (!stored)
        throw fail(
          'DataInvalid',
          `${exported.exportUri}, the record of the export, is gone. Nothing was published; start a new run`,
        );
      return beating('read what was exported', async (progress) =>
        publish(s3, await deps.hashes(), input, stored.record, progress),
      );
    },

    discardExport: (input) => beating('take back the export', async () => ({ removed: await discard(s3, input) })),
  };
}

function wanted({ definition }: PrepareInput): RedshiftPrepare {
  if (definition.prepare) return definition.prepare.redshift;
  throw fail('DefinitionInvalid', `${definition.name} has no prepare section; this is a defect of Perennial`);
}

const exportedAs = (
  { parts, rows, bytes, columns, seconds }: ExportRecord,
  exportUri: string,
  attached: boolean,
): Exported => ({
  ...{ exportUri, rows, bytes, parts: parts.length, columns: columns.length, seconds, attached },
});

async function timed<T>(work: () => Promise<T>): Promise<T & { seconds: number }> {
  const began = Date.now();
  const done = await work();
  return { ...done, seconds: (Date.now() - began) / 1_000 };
}

/** The names of the query's columns. SageMaker's algorithms take the first one for the label, whatever it is. */
async function labelFirst(
  { query, name }: Session,
  { query: { file, sql }, label }: RedshiftPrepare,
): Promise<string[]> {
  const { fields } = await query(`look at the columns of ${file}`, `SELECT * FROM (${bare(sql)}\n) AS result LIMIT 0`);
  const columns = fields.map((field) => field.name);
  if (columns[0] === label) return columns;
  throw fail(
    'DefinitionInvalid',
    `${name}: the first column of ${file} is ${columns[0] ?? 'missing'} and not the label ${label}, which SageMaker takes from there. Nothing was exported: put it first`,
  );
}
