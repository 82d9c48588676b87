import type { PoolClient } from 'pg';
import type { FileEntry, FileRecord, OutcomeObject } from '../contracts/records.js';
import type { RunRecord } from './types.js';
import { upsertVersions } from './versions.js';

/** Rows of one INSERT: big enough to be quick, small enough for a message of a few megabytes. */
const BATCH = 10_000;

/** Writes a run's rows with the transaction of `client`; the same again changes nothing. */
export async function writeRun(client: PoolClient, record: RunRecord): Promise<void> {
  const outcome = storable(record.outcome);
  await upsert(client, 'runs', ['run'], {
    run: outcome.run,
    temporal_run_id: outcome.temporalRunId,
    model: outcome.model,
    outcome: outcome.outcome,
    reason: outcome.reason,
    failure_type: outcome.failureType,
    trigger: outcome.trigger,
    as_of: outcome.asOf,
    started_at: outcome.startedAt,
    ended_at: outcome.endedAt,
    training_job: outcome.trainingJob,
    image: outcome.image,
    instance_type: outcome.instanceType,
    billable_seconds: outcome.billableSeconds,
    files: outcome.files,
    data_hash: outcome.dataHash,
    definition_hash: outcome.definitionHash,
    file_record_uri: outcome.fileRecordUri,
    manifest_uri: outcome.manifestUri,
    artifact_uri: outcome.artifactUri,
    outcome_uri: record.uri,
    endpoint_config: outcome.endpointConfig,
    metrics: JSON.stringify(outcome.metrics),
    record: JSON.stringify(outcome),
  });
  // A change by hand serves a model that an earlier run registered.
  if (outcome.modelName !== undefined && outcome.kind === undefined) {
    await upsert(client, 'models', ['model_name'], {
      model_name: outcome.modelName,
      run: outcome.run,
      model: outcome.model,
      training_job: outcome.trainingJob,
      artifact_uri: outcome.artifactUri,
      created_at: outcome.deployedAt ?? outcome.endedAt,
    });
  }
  if (outcome.deployedAt !== undefined && outcome.endpoint !== undefined && outcome.endpointConfig !== undefined) {
    await upsert(client, 'deployments', ['endpoint', 'run'], {
      endpoint: outcome.endpoint,
      run: outcome.run,
      endpoint_config: outcome.endpointConfig,
      model: outcome.model,
      model_name: outcome.modelName,
      deployed_at: outcome.deployedAt,
    });
  }
  if (usedFiles(outcome)) await writeFiles(client, outcome, checkedRecord(outcome, record.fileRecord));
}

/** Whether a training job saw the run's files, however the run ended. A run without one only looked at their names. */
export function usedFiles(outcome: OutcomeObject): outcome is OutcomeObject & { fileRecordUri: string } {
  return outcome.trainingJob !== undefined && outcome.fileRecordUri !== undefined;
}

function checkedRecord(outcome: OutcomeObject, fileRecord: FileRecord | undefined): FileRecord {
  if (fileRecord === undefined) {
    throw new TypeError(
      `Run ${outcome.run} trained on the files of ${outcome.fileRecordUri}: index it with that file record`,
    );
  }
  if (fileRecord.run !== outcome.run) {
    throw new TypeError(
      `Run ${outcome.run} was given the file record of ${fileRecord.run}: read ${outcome.fileRecordUri}`,
    );
  }
  return fileRecord;
}

async function writeFiles(client: PoolClient, outcome: OutcomeObject, { bucket, files }: FileRecord): Promise<void> {
  for (let start = 0; start < files.length; start += BATCH) {
    const batch = files.slice(start, start + BATCH);
    const column = <T>(pick: (file: FileEntry) => T) => batch.map(pick);
    await client.query(
      upsertVersions(
        `SELECT $1, f.key, $2, f.channel, f.etag, f.version_id, f.size, f.date, $3, $4, $3, $4
         FROM unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::date[])
           AS f (key, channel, etag, version_id, size, date)`,
      ),
      [
        ...[bucket, outcome.model, outcome.run, outcome.startedAt],
        ...[column((file) => file.key), column((file) => file.channel), column((file) => file.etag)],
        ...[column((file) => file.versionId ?? ''), column((file) => file.size), column((file) => file.date)],
      ],
    );
  }
}

/** PostgreSQL has no character U+0000, which a training program may print into its failure reason. */
function storable(outcome: OutcomeObject): OutcomeObject {
  const clean = (_key: string, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('\0', '\uFFFD') : value;
  return JSON.parse(JSON.stringify(outcome, clean)) as OutcomeObject;
}

/** Table and column names are this file's own words, never input. */
async function upsert(client: PoolClient, table: string, key: string[], row: Record<string, unknown>): Promise<void> {
  const columns = Object.keys(row);
  const changes = columns.filter((name) => !key.includes(name)).map((name) => `${name} = EXCLUDED.${name}`);
  await client.query(
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map((_, i) => `$${i + 1}`).join(', ')})
     ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${changes.join(', ')}`,
    Object.values(row),
  );
}
