import type { Pool } from 'pg';
import type { Outcome } from '../contracts/runs.js';
import { inTransaction, LOCKS } from './transaction.js';
import { upsertVersions } from './versions.js';
import { toDeployment, type DeploymentColumns } from './read.js';
import type { Deployment, FileSpan, KeyReplacement, ModelRecords, UsingRun } from './types.js';

/** See Ledger.records. */
export async function records(pool: Pool): Promise<ModelRecords[]> {
  const { rows } = await pool.query<{ model: string; uri: string }>(
    `SELECT DISTINCT model, substring(outcome_uri FROM '^(.*/)runs/[^/]+/[^/]+$') AS uri FROM runs
     WHERE outcome_uri ~ '/runs/[^/]+/[^/]+$' ORDER BY 1, 2`,
  );
  return rows;
}

interface SpanColumns {
  readonly key?: string;
  readonly model: string;
  readonly since: Date;
  readonly until: Date;
}

const toSpan = ({ key, model, since, until }: SpanColumns): FileSpan => ({
  ...(key !== undefined && { key }),
  model,
  from: since.toISOString(),
  to: until.toISOString(),
});

/** See Ledger.spansOfKeys. */
export async function spansOfKeys(pool: Pool, bucket: string, keys: readonly string[]): Promise<FileSpan[]> {
  const { rows } = await pool.query<SpanColumns>(
    `SELECT key, model, min(first_used_at) AS since, max(last_used_at) AS until FROM file_versions
     WHERE bucket = $1 AND key = ANY($2) GROUP BY key, model`,
    [bucket, storable(keys)],
  );
  return rows.map(toSpan);
}

/** See Ledger.spansOfPrefix. */
export async function spansOfPrefix(pool: Pool, bucket: string, prefix: string): Promise<FileSpan[]> {
  if (storable([prefix]).length === 0) return [];
  const { rows } = await pool.query<SpanColumns>(
    `SELECT model, min(first_used_at) AS since, max(last_used_at) AS until FROM file_versions
     WHERE bucket = $1 AND starts_with(key, $2) GROUP BY model`,
    [bucket, prefix],
  );
  return rows.map(toSpan);
}

interface RunColumns {
  readonly run: string;
  readonly model: string;
  readonly outcome: Outcome;
  readonly training_job: string | null;
  readonly model_name: string | null;
  readonly artifact_uri: string | null;
  readonly file_record_uri: string;
}

const RUN_COLUMNS =
  "run, model, outcome, training_job, record->>'modelName' AS model_name, artifact_uri, file_record_uri";

const toRun = (row: RunColumns): UsingRun => ({
  run: row.run,
  model: row.model,
  outcome: row.outcome,
  ...(row.training_job !== null && { trainingJob: row.training_job }),
  ...(row.model_name !== null && { modelName: row.model_name }),
  ...(row.artifact_uri !== null && { artifactUri: row.artifact_uri }),
  fileRecordUri: row.file_record_uri,
});

/** See Ledger.trainedBetween. */
export async function trainedBetween(pool: Pool, { model, from, to }: FileSpan): Promise<UsingRun[]> {
  // A time of JavaScript has milliseconds, PostgreSQL's more: the end counts whole.
  const { rows } = await pool.query<RunColumns>(
    `SELECT ${RUN_COLUMNS} FROM runs
     WHERE model = $1 AND training_job IS NOT NULL AND file_record_uri IS NOT NULL
       AND started_at >= $2 AND started_at < $3::timestamptz + interval '1 millisecond'
     ORDER BY started_at, run`,
    [model, from, to],
  );
  return rows.map(toRun);
}

/** See Ledger.untrained. */
export async function untrained(pool: Pool): Promise<UsingRun[]> {
  const { rows } = await pool.query<RunColumns>(
    `SELECT ${RUN_COLUMNS} FROM runs
     WHERE training_job IS NULL AND file_record_uri IS NOT NULL AND record->>'kind' IS NULL ORDER BY started_at, run`,
  );
  return rows.map(toRun);
}

/** See Ledger.unknownRuns. */
export async function unknownRuns(pool: Pool, runs: readonly string[]): Promise<string[]> {
  const { rows } = await pool.query<{ run: string }>(
    'SELECT u.run FROM unnest($1::text[]) AS u (run) WHERE NOT EXISTS (SELECT FROM runs r WHERE r.run = u.run)',
    [runs],
  );
  return rows.map(({ run }) => run);
}

/** See Ledger.servedBy. */
export async function servedBy(
  pool: Pool,
  { runs, modelNames }: { readonly runs: readonly string[]; readonly modelNames: readonly string[] },
): Promise<Deployment[]> {
  const { rows } = await pool.query<DeploymentColumns>(
    `SELECT * FROM deployment_history
     WHERE endpoint IN (SELECT endpoint FROM deployments WHERE model_name = ANY($1) OR (run = ANY($2) AND model_name IS NULL))
     ORDER BY endpoint, deployed_at DESC, run DESC`,
    [modelNames, runs],
  );
  return rows.map(toDeployment);
}

/** See Ledger.keysUnder. */
export async function keysUnder(pool: Pool, bucket: string, prefix: string, limit: number): Promise<string[]> {
  if (storable([prefix]).length === 0) return [];
  const { rows } = await pool.query<{ key: string }>(
    // What was erased stands as purged:<hash>, which an empty prefix would find again.
    `SELECT DISTINCT key FROM file_versions
     WHERE bucket = $1 AND starts_with(key, $2) AND key !~ '^purged:[A-Za-z0-9_-]{43}$' LIMIT $3`,
    [bucket, prefix, limit],
  );
  return rows.map(({ key }) => key);
}

/** See Ledger.replaceKeys. */
export async function replaceKeys(
  pool: Pool,
  bucket: string,
  replacements: readonly KeyReplacement[],
): Promise<number> {
  const fit = replacements.filter(({ key }) => storable([key]).length > 0);
  return inTransaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock_shared($1, $2)', [...LOCKS.rebuild]);
    // A run that was indexed by its redacted record may have been first: then the spans are joined.
    const join = upsertVersions(
      `SELECT bucket, new_key, model, channel, etag, version_id, size, date, first_run, first_used_at, last_run, last_used_at
       FROM gone`,
    );
    const { rows } = await client.query<{ replaced: string }>(
      `WITH gone AS (
         DELETE FROM file_versions f USING unnest($2::text[], $3::text[]) AS n (key, new_key)
         WHERE f.bucket = $1 AND f.key = n.key RETURNING f.*, n.new_key
       ), joined AS (${join})
       SELECT count(*) AS replaced FROM gone`,
      [bucket, fit.map(({ key }) => key), fit.map(({ replacement }) => replacement)],
    );
    return Number(rows[0]?.replaced ?? 0);
  });
}

/** PostgreSQL's text has no U+0000: no row has a key with it. */
const storable = (keys: readonly string[]) => keys.filter((key) => !key.includes('\0'));
